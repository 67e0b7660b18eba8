//! The place of KTX2 in a build without it: it is asked for, and never there.

use super::bytes::Fault;
use super::{Context, Decoder};
use crate::Image;

pub(crate) fn transcode(_bytes: &[u8], context: Context<'_>, _out: &mut Vec<u8>) -> Result<Image, Fault> {
    context.need(Decoder::Basis)?;
    Err(Fault::NoDecoder(Decoder::Basis))
}
