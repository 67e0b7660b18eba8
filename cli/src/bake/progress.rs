//! How a bake tells how far it is, without knowing who listens.

/// Listens to a bake. Calls may come from several threads at once.
pub trait Progress: Sync {
    /// A stage begins; `total` is the number of steps that [`Progress::advance`] will count, where known.
    fn stage(&self, name: &str, total: Option<u64>);
    /// `steps` more steps of the current stage are done.
    fn advance(&self, steps: u64);
}

/// Listens to nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn stage(&self, _name: &str, _total: Option<u64>) {}
    fn advance(&self, _steps: u64) {}
}
