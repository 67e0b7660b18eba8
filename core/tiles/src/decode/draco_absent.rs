//! The place of Draco in a build without it: it is asked for, and never there.

use super::bytes::Fault;
use super::{Context, Decoder};
use crate::Component;
use std::borrow::Cow;

pub(crate) enum Geometry {}

pub(crate) struct Values<'a> {
    pub(crate) bytes: Cow<'a, [u8]>,
    pub(crate) component: Component,
    pub(crate) components: usize,
}

pub(crate) fn decode(_bytes: &[u8], context: Context<'_>) -> Result<Geometry, Fault> {
    context.need(Decoder::Draco)?;
    Err(Fault::NoDecoder(Decoder::Draco))
}

impl Geometry {
    pub(crate) fn points(&self) -> usize {
        match *self {}
    }

    pub(crate) fn indices(&self) -> std::iter::Empty<u32> {
        match *self {}
    }

    pub(crate) fn attribute(&self, _unique_id: u32) -> Result<Values<'_>, Fault> {
        match *self {}
    }
}
