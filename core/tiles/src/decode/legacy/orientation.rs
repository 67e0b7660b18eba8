//! Which way instances face, and directions in two numbers.

use super::feature_table::{FeatureTable, Values};
use crate::Number;
use crate::decode::bytes::{Fault, malformed};
use citytwin_geo::{EnuFrame, geodetic_from_ecef};
use glam::{DMat3, DVec2, DVec3};

/// Nearer to the Earth's centre than this there is no east, north or up, metres.
const NO_DIRECTION_M: f64 = 1.0;

/// How the instances of an `i3dm` are turned (OGC 18-053r2, section 10.3.4.2).
pub(super) enum Orientation<'a> {
    /// Up and right of each.
    Vectors { up: Values<'a>, right: Values<'a> },
    /// The same, octahedron-encoded.
    Encoded { up: Values<'a>, right: Values<'a> },
    /// As the east, north and up of where each stands.
    EastNorthUp,
    /// As the model.
    Default,
}

impl<'a> Orientation<'a> {
    pub(super) fn read(features: &FeatureTable<'a>, count: usize) -> Result<Self, Fault> {
        let pair = |up: &str, right: &str, number, components| {
            let values = |name: &str| features.values(name, number, components, count);
            match (values(up)?, values(right)?) {
                (Some(up), Some(right)) => Ok(Some((up, right))),
                (None, None) => Ok(None),
                _ => malformed(format!("of {up} and {right} only one is there")),
            }
        };
        if let Some((up, right)) = pair("NORMAL_UP", "NORMAL_RIGHT", Number::F32, 3)? {
            return Ok(Self::Vectors { up, right });
        }
        if let Some((up, right)) = pair("NORMAL_UP_OCT32P", "NORMAL_RIGHT_OCT32P", Number::U16, 2)? {
            return Ok(Self::Encoded { up, right });
        }
        Ok(if features.flag("EAST_NORTH_UP") { Self::EastNorthUp } else { Self::Default })
    }

    /// tile_from_model of instance `i`, which stands at `position`: right, up and what they span are the images of
    /// the model's x, y and z.
    pub(super) fn rotation(&self, i: usize, position: DVec3) -> DMat3 {
        match self {
            Self::Vectors { up, right } => axes(right.vec3(i), up.vec3(i)),
            Self::Encoded { up, right } => {
                let decoded = |v: &Values<'_>| oct_decoded(v.get(i, 0), v.get(i, 1), 65535.0);
                axes(decoded(right), decoded(up))
            }
            Self::EastNorthUp if position.length() > NO_DIRECTION_M => {
                DMat3::from_mat4(EnuFrame::new(geodetic_from_ecef(position)).ecef_from_enu)
            }
            Self::EastNorthUp | Self::Default => DMat3::IDENTITY,
        }
    }
}

fn axes(right: DVec3, up: DVec3) -> DMat3 {
    DMat3::from_cols(right, up, right.cross(up).normalize_or_zero())
}

/// The unit vector of an octahedron-encoded one (Cigolle et al. 2014) whose components go from 0 to `max`.
pub(super) fn oct_decoded(x: f64, y: f64, max: f64) -> DVec3 {
    let p = DVec2::new(x, y) / max * 2.0 - 1.0;
    let z = 1.0 - p.x.abs() - p.y.abs();
    // signum() of 0 is 1, as the encoding wants.
    let folded = DVec2::new((1.0 - p.y.abs()) * p.x.signum(), (1.0 - p.x.abs()) * p.y.signum());
    let p = if z < 0.0 { folded } else { p };
    p.extend(z).normalize_or(DVec3::Z)
}
