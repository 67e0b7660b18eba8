//! What a decoder has besides the file itself: secondary files, limits, and what the GPU takes.

use super::bytes::{Fault, base64};
use crate::{ImageFormat, UpAxis, resolve_url};
use glam::DMat4;
use litemap::LiteMap;
use std::borrow::Cow;
use std::cell::{Cell, RefCell};

/// (x, y, z) → (x, −z, y).
const Z_UP_FROM_Y_UP: DMat4 =
    DMat4::from_cols_array(&[1., 0., 0., 0., 0., 0., 1., 0., 0., -1., 0., 0., 0., 0., 0., 1.]);
/// (x, y, z) → (−z, y, x).
const Z_UP_FROM_X_UP: DMat4 =
    DMat4::from_cols_array(&[0., 0., 1., 0., 0., 1., 0., 0., -1., 0., 0., 0., 0., 0., 0., 1.]);

/// What one file may become, whatever its headers say. Beyond a limit a part is left out, or the file is refused,
/// with a problem of code `content-too-large`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes that all arrays, properties and images of one file decode to. Default 512 MiB: far above any sane
    /// tile, far below the address space of wasm32. Arrays end at 4 GiB in any case.
    pub decoded_bytes: u64,
    /// Most vertices of one primitive, as drawn. Default 16,777,216.
    pub vertices: u32,
    /// Most primitives of one content; nodes that share a mesh are counted each. Default 65,536.
    pub primitives: u32,
    /// Most pixels of one image, its mipmaps not counted. Default 67,108,864 (8192 × 8192).
    pub image_pixels: u64,
    /// Deepest nesting of composites in composites. Default 8. Above 64 it is taken for 64.
    pub nesting: u32,
    /// Most secondary files of one file. Default 256.
    pub files: u32,
    /// Most bytes of all secondary files together, as fetched. Default 256 MiB.
    pub file_bytes: u64,
    /// Most tiles of one `tileset.json`. Default 4,194,304.
    pub tiles: u32,
    /// Most levels of an implicit tree. Default 31; above, it is taken for 31, so that coordinates stay below 2³¹.
    pub levels: u32,
    /// Most tiles, available or not, of one subtree file. Default 8,388,608: twelve levels of a quadtree or eight of an
    /// octree.
    pub subtree_tiles: u32,
    /// Longest URL template of an implicit tree, bytes. Default 4,096.
    pub template_bytes: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            decoded_bytes: 512 << 20,
            vertices: 1 << 24,
            primitives: 1 << 16,
            image_pixels: 1 << 26,
            nesting: 8,
            files: 256,
            file_bytes: 256 << 20,
            tiles: 1 << 22,
            levels: 31,
            subtree_tiles: 1 << 23,
            template_bytes: 4096,
        }
    }
}

/// A decoder that is heavy and rare, and is therefore a Cargo feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decoder {
    /// `KHR_draco_mesh_compression` and `3DTILES_draco_point_compression`: feature `draco`.
    Draco,
    /// `KHR_texture_basisu`: feature `basis`.
    Basis,
    /// Terrarium tiles: feature `heights`.
    Heights,
}

impl Decoder {
    /// Whether this build has it.
    pub fn is_here(self) -> bool {
        match self {
            Self::Draco => cfg!(feature = "draco"),
            Self::Basis => cfg!(feature = "basis"),
            Self::Heights => cfg!(feature = "heights"),
        }
    }
}

/// What the caller gives besides the file. Secondary files are asked for ([`crate::Decoded::Needs`]), put in here,
/// and the same call is made again.
#[derive(Clone, Debug, Default)]
pub struct Resources {
    /// Secondary files by absolute URL; `None` for those that cannot be had.
    pub files: LiteMap<String, Option<Vec<u8>>>,
    /// What one file may become.
    pub limits: Limits,
    /// Compressed formats that the GPU takes, for textures in `KHR_texture_basisu`; with none they become
    /// [`ImageFormat::Rgba8`].
    pub gpu_formats: Vec<ImageFormat>,
    /// The axis of glTFs that points up, as the tileset says ([`crate::Fetch::gltf_up`]); `None` for glTF's own, y.
    pub gltf_up: Option<UpAxis>,
    /// Answer with what can be read now: parts that lack a file or a decoder become problems. Default false.
    pub settle: bool,
}

impl Resources {
    /// Adds a secondary file by the absolute URL that was asked for; `None` when it cannot be had, so that it is not
    /// asked for again and its part becomes a problem.
    pub fn insert(&mut self, url: impl Into<String>, bytes: Option<Vec<u8>>) {
        self.files.insert(url.into(), bytes);
    }

    /// How many secondary files were given, and their bytes.
    pub fn given(&self) -> (usize, u64) {
        (self.files.len(), self.files.values().flatten().map(|bytes| bytes.len() as u64).sum())
    }
}

fn sorted<T: Ord>(mut items: Vec<T>) -> Vec<T> {
    items.sort_unstable();
    items.dedup();
    items
}

/// What all readers of one call share.
pub(crate) struct Session<'a> {
    resources: &'a Resources,
    urls: RefCell<Vec<String>>,
    decoders: RefCell<Vec<Decoder>>,
    room: Cell<u64>,
}

impl<'a> Session<'a> {
    pub(crate) fn new(resources: &'a Resources) -> Self {
        Self {
            resources,
            urls: RefCell::default(),
            decoders: RefCell::default(),
            room: Cell::new(resources.limits.decoded_bytes),
        }
    }

    /// A context for the file at `url`.
    pub(crate) fn at<'b>(&'b self, url: &'b str) -> Context<'b> {
        Context { base: url, session: self }
    }

    /// Decoders and files that were missed.
    pub(crate) fn missed(self) -> (Vec<Decoder>, Vec<String>) {
        (sorted(self.decoders.into_inner()), sorted(self.urls.into_inner()))
    }
}

/// A reader's access to what lies beside its file.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    /// URL of the file, which references in it are relative to.
    base: &'a str,
    session: &'a Session<'a>,
}

impl<'a> Context<'a> {
    pub(crate) fn limits(&self) -> &'a Limits {
        &self.session.resources.limits
    }

    /// Turns a glTF's scene z-up, as tiles are.
    pub(crate) fn z_up_from_model(&self) -> DMat4 {
        match self.session.resources.gltf_up {
            None => Z_UP_FROM_Y_UP,
            Some(UpAxis::X) => Z_UP_FROM_X_UP,
            Some(UpAxis::Z) => DMat4::IDENTITY,
        }
    }

    #[cfg_attr(not(feature = "basis"), allow(dead_code))]
    pub(crate) fn gpu_formats(&self) -> &'a [ImageFormat] {
        &self.session.resources.gpu_formats
    }

    /// The absolute URL of a reference.
    pub(crate) fn resolve(&self, reference: &str) -> String {
        resolve_url(self.base, reference)
    }

    /// The same, for a file that lies at `url`.
    pub(crate) fn at<'b>(&self, url: &'b str) -> Context<'b>
    where
        'a: 'b,
    {
        Context { base: url, session: self.session }
    }

    /// The bytes of a reference: of a data URL, or of a secondary file. [`Fault::Pending`] when the caller must fetch
    /// it first; the answer of this call is then of no use.
    pub(crate) fn file(&self, reference: &str) -> Result<Cow<'a, [u8]>, Fault> {
        if let Some(data) = reference.strip_prefix("data:") {
            let bytes = data_url(data).ok_or_else(|| Fault::Malformed("a data URL that cannot be read".into()))?;
            return Ok(Cow::Owned(bytes));
        }
        let url = self.resolve(reference);
        let resources = self.session.resources;
        match resources.files.get(&url) {
            Some(Some(bytes)) => Ok(Cow::Borrowed(bytes)),
            Some(None) => Err(Fault::Malformed(format!("{url} cannot be had"))),
            None if resources.settle => Err(Fault::Unsupported(format!("{url} lies in a file of its own"))),
            None => {
                let mut urls = self.session.urls.borrow_mut();
                let (count, bytes) = resources.given();
                let limits = &resources.limits;
                if count + urls.len() >= limits.files as usize || bytes > limits.file_bytes {
                    let most = format!("{} files of {} bytes", limits.files, limits.file_bytes);
                    return Err(Fault::TooLarge(format!("it refers to more than {most}")));
                }
                if !urls.contains(&url) {
                    urls.push(url);
                }
                Err(Fault::Pending)
            }
        }
    }

    /// `Ok` when this build has the decoder.
    pub(crate) fn need(&self, decoder: Decoder) -> Result<(), Fault> {
        if decoder.is_here() {
            return Ok(());
        }
        if self.session.resources.settle {
            return Err(Fault::NoDecoder(decoder));
        }
        self.session.decoders.borrow_mut().push(decoder);
        Err(Fault::Pending)
    }

    /// Whether the caller must fetch something first.
    pub(crate) fn is_pending(&self) -> bool {
        !self.session.urls.borrow().is_empty() || !self.session.decoders.borrow().is_empty()
    }

    /// What is left of [`Limits::decoded_bytes`].
    #[cfg_attr(not(feature = "draco"), allow(dead_code))]
    pub(crate) fn room(&self) -> u64 {
        self.session.room.get()
    }

    /// Takes `bytes` that are to be appended to an array; offsets into arrays have 32 bits.
    pub(crate) fn grow(&self, array: &[u8], bytes: usize) -> Result<(), Fault> {
        let end = array.len().checked_add(8).and_then(|len| len.checked_add(bytes));
        if end.is_none_or(|end| end > u32::MAX as usize) {
            return Err(Fault::TooLarge("an array over 4 GiB".into()));
        }
        self.take(bytes)
    }

    /// Takes decoded bytes out of what is left of [`Limits::decoded_bytes`]. Call it before allocating.
    pub(crate) fn take(&self, bytes: usize) -> Result<(), Fault> {
        let left =
            self.session.room.get().checked_sub(bytes as u64).ok_or_else(|| {
                Fault::TooLarge(format!("it decodes to more than {} bytes", self.limits().decoded_bytes))
            })?;
        self.session.room.set(left);
        Ok(())
    }
}

/// The bytes of a data URL after `data:`.
fn data_url(data: &str) -> Option<Vec<u8>> {
    let (head, body) = data.split_once(',')?;
    if head.ends_with(";base64") { base64(body) } else { percent_decoded(body) }
}

fn percent_decoded(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let digit = |b: Option<u8>| char::from(b?).to_digit(16);
                (digit(bytes.next())? << 4 | digit(bytes.next())?) as u8
            }
            other => other,
        });
    }
    Some(out)
}
