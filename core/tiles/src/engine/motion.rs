//! How fast the eye moves, going by what the caller says of the time.

use crate::View;

/// The eye's movement between the last two updates.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Motion {
    last: Option<(View, f64)>,
    speed_m_per_s: f64,
    /// When the view last changed; minus infinity before.
    moved_at: Option<f64>,
    now: Option<f64>,
}

impl Motion {
    /// Takes in a view at a time (seconds since anything; `None` when the caller does not tell).
    pub(super) fn observe(&mut self, view: &View, now: Option<f64>) {
        self.now = now.filter(|now| now.is_finite());
        let Some(now) = self.now else {
            *self = Self::default();
            return;
        };
        if let Some((before, then)) = self.last.filter(|(_, then)| *then <= now) {
            let way = (view.eye_ecef - before.eye_ecef).length();
            // Two views at one moment say nothing of the speed between them.
            if now > then {
                self.speed_m_per_s = way / (now - then);
            }
            if before.eye_ecef != view.eye_ecef || before.direction_ecef != view.direction_ecef {
                self.moved_at = Some(now);
            }
        } else {
            // The first view, or a clock that was set back.
            (self.speed_m_per_s, self.moved_at) = (0.0, None);
        }
        self.last = Some((*view, now));
    }

    /// Whether the eye will have passed a thing of this diameter (metres) after so many seconds.
    pub(super) fn outruns(&self, diameter_m: f64, secs: f64) -> bool {
        self.speed_m_per_s * secs >= diameter_m.max(1.0)
    }

    /// Whether the view changed within the last so many seconds.
    pub(super) fn moved_within(&self, secs: f64) -> bool {
        self.now.zip(self.moved_at).is_some_and(|(now, at)| now - at < secs || now == at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use citytwin_geo::LookAt;

    fn view(height_m: f64) -> View {
        let look = LookAt { lon: 0.0, lat: 0.0, height_m, distance_m: 1.0, heading_deg: 0.0, pitch_deg: -90.0 };
        View::look_at(&look, 60.0, [100, 100])
    }

    #[test]
    fn speed_is_way_over_time_whatever_the_frame_rate() {
        for frames in [1, 10, 100] {
            let mut motion = Motion::default();
            for frame in 0..=frames {
                let part = f64::from(frame) / f64::from(frames);
                motion.observe(&view(500.0 * part), Some(100.0 + part));
            }
            assert!(motion.outruns(499.0, 1.0) && !motion.outruns(501.0, 1.0) && motion.outruns(999.0, 2.0));
            assert!(!motion.outruns(0.0, 0.0), "0 seconds outrun nothing");
        }
    }

    #[test]
    fn without_time_or_with_a_clock_set_back_nothing_moves() {
        let mut motion = Motion::default();
        motion.observe(&view(0.0), Some(5.0));
        motion.observe(&view(1e6), Some(4.0));
        assert!(!motion.outruns(1.0, 1.0) && !motion.moved_within(1.0));
        motion.observe(&view(0.0), Some(4.5));
        assert!(motion.outruns(1e6, 1.0) && motion.moved_within(0.1));
        motion.observe(&view(0.0), Some(4.6));
        assert!(!motion.outruns(1.0, 1.0) && motion.moved_within(0.2) && !motion.moved_within(0.05));
        motion.observe(&view(1e6), None);
        assert!(!motion.outruns(1.0, 1.0) && !motion.moved_within(1.0));
        motion.observe(&view(0.0), Some(f64::NAN));
        assert!(!motion.outruns(1.0, 1.0));
    }
}
