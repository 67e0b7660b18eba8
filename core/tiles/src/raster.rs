//! Pictures of the ground in Web Mercator tiles: URL templates, and which tiles a view needs.

use crate::{Problem, View};
use citytwin_geo::{Geodetic, ecef_from_geodetic, geodetic_from_ecef, lonlat_from_web_mercator};
use glam::DVec3;

/// Half of the side of the Web Mercator square, metres.
const HALF_M: f64 = 20_037_508.342_789_244;
/// Radius of the Earth, about, metres.
const EARTH_M: f64 = 6_371_000.0;
/// Width and height of a tile's picture, pixels.
const TILE_PX: f64 = 256.0;
/// Deepest zoom of all.
const DEEPEST: u8 = 24;

/// How tiles are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RasterScheme {
    /// `{z}`, `{x}`, `{y}` or `{-y}` (from the south).
    Xyz,
    /// `{TileMatrix}`, `{TileRow}`, `{TileCol}`.
    Wmts,
    /// `{bbox}`, `{width}`, `{height}`.
    Wms,
}

/// A tile of the Web Mercator square, `y` from the north.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RasterTile {
    /// Zoom: the square is divided into `2^zoom × 2^zoom` tiles.
    pub zoom: u8,
    /// From the west.
    pub x: u32,
    /// From the north.
    pub y: u32,
}

impl RasterTile {
    /// The tile that covers this one and three others; none above the coarsest.
    pub fn parent(self) -> Option<Self> {
        Some(Self { zoom: self.zoom.checked_sub(1)?, x: self.x / 2, y: self.y / 2 })
    }

    /// A point of it on the ellipsoid, ECEF metres: `u` from its western to its eastern side, `v` from its northern to
    /// its southern, both from 0 to 1.
    pub fn point_ecef(self, u: f64, v: f64) -> DVec3 {
        let side = 2.0 * HALF_M / f64::from(self.zoom).exp2();
        let (x, y) = ((f64::from(self.x) + u) * side - HALF_M, HALF_M - (f64::from(self.y) + v) * side);
        let (lon, lat) = lonlat_from_web_mercator(x, y);
        ecef_from_geodetic(Geodetic::from_degrees(lon, lat, 0.0))
    }

    /// West, south, east and north in the square of Web Mercator, whose sides go from −1 to 1.
    pub fn mercator_rect(self) -> [f64; 4] {
        self.bbox_m().map(|metres| metres / HALF_M)
    }

    fn bbox_m(self) -> [f64; 4] {
        let side = 2.0 * HALF_M / f64::from(self.zoom).exp2();
        let (west, north) = (f64::from(self.x) * side - HALF_M, HALF_M - f64::from(self.y) * side);
        [west, north - side, west + side, north]
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Zoom,
    X,
    Y,
    YFromSouth,
    Bbox,
    Side,
}

/// A URL template that has been understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RasterTemplate(Vec<Part>);

impl RasterTemplate {
    /// Reads a template: an `http` or `https` URL, or one relative to the page or manifest.
    ///
    /// # Errors
    /// `raster-template` when it has another scheme, a brace without its other half, a placeholder that this scheme of
    /// tiles does not know, or lacks one that it needs; the message says which.
    pub fn new(scheme: RasterScheme, template: &str) -> Result<Self, Problem> {
        let wrong = |message: String| Problem::new("raster-template", message, template);
        if let Some((before, _)) = template.split_once(':')
            && !before.contains(['/', '?', '#', '{'])
            && !["http", "https"].contains(&before.to_ascii_lowercase().as_str())
        {
            return Err(wrong(format!("expected a URL of http or https, found \"{before}:\"")));
        }
        let mut parts = Vec::new();
        let mut rest = template;
        while let Some(open) = rest.find(['{', '}']) {
            let (text, braced) = rest.split_at(open);
            let end = braced.find('}').filter(|end| *end > 0 && !braced[1..*end].contains('{'));
            let end = end.ok_or_else(|| wrong("a brace has no other half".into()))?;
            let name = &braced[1..end];
            let part = placeholder(scheme, name).ok_or_else(|| {
                let known = needed(scheme).map(|(names, _)| format!("{{{names}}}")).join(", ");
                wrong(format!("it has {{{name}}}, which nobody fills in; expected {known}"))
            })?;
            parts.extend([Part::Text(text.to_owned()), part]);
            rest = &braced[end + 1..];
        }
        parts.push(Part::Text(rest.to_owned()));
        for (name, fills) in needed(scheme) {
            if !parts.iter().any(|part| fills.contains(part)) {
                return Err(wrong(format!("it lacks {{{name}}}")));
            }
        }
        Ok(Self(parts))
    }

    /// The URL of a tile.
    pub fn url(&self, tile: RasterTile) -> String {
        let mut url = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => url += text,
                Part::Zoom => url += &tile.zoom.to_string(),
                Part::X => url += &tile.x.to_string(),
                Part::Y => url += &tile.y.to_string(),
                Part::YFromSouth => url += &((1_u32 << tile.zoom.min(DEEPEST)) - 1 - tile.y).to_string(),
                Part::Bbox => url += &tile.bbox_m().map(|metres| format!("{metres:.3}")).join(","),
                Part::Side => url += &TILE_PX.to_string(),
            }
        }
        url
    }
}

/// What a template must have: a name, and what may stand for it.
fn needed(scheme: RasterScheme) -> [(&'static str, &'static [Part]); 3] {
    match scheme {
        RasterScheme::Xyz => [("z", &[Part::Zoom]), ("x", &[Part::X]), ("y", &[Part::Y, Part::YFromSouth])],
        RasterScheme::Wmts => [("TileMatrix", &[Part::Zoom]), ("TileRow", &[Part::Y]), ("TileCol", &[Part::X])],
        RasterScheme::Wms => [("bbox", &[Part::Bbox]), ("width", &[Part::Side]), ("height", &[Part::Side])],
    }
}

fn placeholder(scheme: RasterScheme, name: &str) -> Option<Part> {
    Some(match (scheme, name) {
        (RasterScheme::Xyz, "z") | (RasterScheme::Wmts, "TileMatrix") => Part::Zoom,
        (RasterScheme::Xyz, "x") | (RasterScheme::Wmts, "TileCol") => Part::X,
        (RasterScheme::Xyz, "y") | (RasterScheme::Wmts, "TileRow") => Part::Y,
        (RasterScheme::Xyz, "-y") => Part::YFromSouth,
        (RasterScheme::Wms, "bbox") => Part::Bbox,
        (RasterScheme::Wms, "width" | "height") => Part::Side,
        _ => return None,
    })
}

/// The tiles that cover the ground in view, the coarsest first: each as fine as is seen, between two zooms, and at most
/// `most` of them. A tile's texel is let cover `texel_px` pixels before it is divided.
pub fn raster_tiles(view: &View, zooms: [u8; 2], texel_px: f64, most: usize) -> Vec<RasterTile> {
    let zooms = [zooms[0].min(DEEPEST), zooms[1].min(DEEPEST)];
    if !view.is_valid() || zooms[0] > zooms[1] || texel_px.is_nan() || texel_px <= 0.0 {
        return Vec::new();
    }
    let mut texel_px = texel_px;
    // Each round needs a quarter of the tiles of the one before; the coarsest zoom alone may be too many.
    for _ in 0..8 {
        if let Some(mut tiles) = divide(view, zooms, texel_px, most) {
            tiles.sort_unstable();
            return tiles;
        }
        texel_px *= 2.0;
    }
    Vec::new()
}

/// None when there are more than `most`.
fn divide(view: &View, zooms: [u8; 2], texel_px: f64, most: usize) -> Option<Vec<RasterTile>> {
    let eye = view.eye_ecef;
    let height_m = geodetic_from_ecef(eye).height_m.max(1.0);
    let horizon_m = (height_m * (2.0 * EARTH_M + height_m)).sqrt() + 1_000.0;
    let normals = view.side_normals_ecef();
    let mut stack = vec![RasterTile { zoom: 0, x: 0, y: 0 }];
    let mut tiles = Vec::new();
    while let Some(tile) = stack.pop() {
        let center = tile.point_ecef(0.5, 0.5);
        let corners = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (0.5, 0.0), (0.5, 1.0)];
        let radius = corners.iter().map(|&(u, v)| tile.point_ecef(u, v).distance(center)).fold(0.0, f64::max);
        // The coarsest tiles are no flat pieces of ground: they are always divided.
        if tile.zoom > 3 {
            let away = center - eye;
            let hidden = away.length() - radius > horizon_m
                || normals.iter().any(|normal| away.dot(*normal) < -radius)
                || away.dot(view.direction_ecef) < -radius;
            if hidden {
                continue;
            }
        }
        let distance_m = (eye.distance(center) - radius).max(height_m);
        let texel_m = 2.0 * radius / std::f64::consts::SQRT_2 / TILE_PX;
        let coarse = texel_m * view.px_per_tangent() / distance_m > texel_px;
        if tile.zoom < zooms[1] && (tile.zoom < zooms[0] || tile.zoom <= 3 || coarse) {
            let (zoom, x, y) = (tile.zoom + 1, tile.x * 2, tile.y * 2);
            stack.extend([(x, y), (x + 1, y), (x, y + 1), (x + 1, y + 1)].map(|(x, y)| RasterTile { zoom, x, y }));
            if stack.len() > 4 * most + 400 {
                return None;
            }
        } else {
            tiles.push(tile);
            if tiles.len() > most {
                return None;
            }
        }
    }
    Some(tiles)
}

#[cfg(test)]
mod tests {
    use super::*;
    use citytwin_geo::LookAt;

    const TILE: RasterTile = RasterTile { zoom: 3, x: 4, y: 2 };

    #[test]
    fn templates_become_urls() {
        let check = |scheme, template: &str, expected: &str| {
            assert_eq!(RasterTemplate::new(scheme, template).expect("a template").url(TILE), expected);
        };
        check(RasterScheme::Xyz, "https://a.example/{z}/{x}/{y}.png?k=1", "https://a.example/3/4/2.png?k=1");
        check(RasterScheme::Xyz, "tiles/{z}/{x}/{-y}.png", "tiles/3/4/5.png");
        check(
            RasterScheme::Wmts,
            "https://a.example/wmts?LAYER=a&TILEMATRIX={TileMatrix}&TILEROW={TileRow}&TILECOL={TileCol}",
            "https://a.example/wmts?LAYER=a&TILEMATRIX=3&TILEROW=2&TILECOL=4",
        );
        check(
            RasterScheme::Wms,
            "https://a.example/wms?REQUEST=GetMap&CRS=EPSG:3857&BBOX={bbox}&WIDTH={width}&HEIGHT={height}",
            "https://a.example/wms?REQUEST=GetMap&CRS=EPSG:3857&BBOX=0.000,5009377.086,5009377.086,10018754.171\
             &WIDTH=256&HEIGHT=256",
        );
    }

    #[test]
    fn a_wrong_template_says_what_is_wrong() {
        let check = |scheme, template: &str, expected: &str| {
            let problem = RasterTemplate::new(scheme, template).expect_err(template);
            assert_eq!(problem.code, "raster-template");
            assert!(problem.message.contains(expected), "{problem}");
        };
        check(RasterScheme::Xyz, "javascript:alert({z}{x}{y})", "\"javascript:\"");
        check(RasterScheme::Xyz, "data:image/png,{z}{x}{y}", "\"data:\"");
        check(RasterScheme::Xyz, "https://a.example/{z}/{x}.png", "lacks {y}");
        check(RasterScheme::Xyz, "https://a.example/{z}/{x}/{y", "no other half");
        check(RasterScheme::Xyz, "https://a.example/}{z}/{x}/{y}", "no other half");
        check(RasterScheme::Xyz, "https://a.example/{{z}}/{x}/{y}", "no other half");
        check(RasterScheme::Xyz, "https://{s}.a.example/{z}/{x}/{y}", "{s}, which nobody fills in");
        check(RasterScheme::Wmts, "https://a.example/{Style}/{TileMatrix}/{TileRow}/{TileCol}", "{Style}");
        check(RasterScheme::Wms, "https://a.example/wms?BBOX={bbox}&WIDTH=256", "lacks {width}");
        check(RasterScheme::Xyz, "", "lacks {z}");
    }

    fn view(distance_m: f64, pitch_deg: f64) -> View {
        let look = LookAt { lon: 24.94, lat: 60.17, height_m: 0.0, distance_m, heading_deg: 30.0, pitch_deg };
        View::look_at(&look, 60.0, [800, 600])
    }

    fn covers(tile: RasterTile, other: RasterTile) -> bool {
        let up = other.zoom.saturating_sub(tile.zoom);
        tile.zoom <= other.zoom && other.x >> up == tile.x && other.y >> up == tile.y
    }

    #[test]
    fn the_ground_in_view_is_covered_once_and_finer_where_it_is_near() {
        for (distance_m, pitch_deg) in [(300.0, -90.0), (900.0, -35.0), (2_000.0, -8.0), (400_000.0, -60.0)] {
            let tiles = raster_tiles(&view(distance_m, pitch_deg), [0, 19], 1.5, 128);
            assert!((1..=128).contains(&tiles.len()), "{} tiles from {distance_m} m", tiles.len());
            for (i, a) in tiles.iter().enumerate() {
                assert!(tiles[i + 1..].iter().all(|b| !covers(*a, *b) && !covers(*b, *a)), "{a:?} twice");
            }
        }
        // What is looked at is covered, and a texel there is about a pixel.
        let tiles = raster_tiles(&view(300.0, -90.0), [0, 22], 1.5, 128);
        let target = ecef_from_geodetic(Geodetic::from_degrees(24.94, 60.17, 0.0));
        let nearest = |tile: &&RasterTile| (tile.point_ecef(0.5, 0.5).distance(target) * 1e3) as u64;
        let tile = tiles.iter().min_by_key(nearest).expect("tiles");
        let texel_m = tile.point_ecef(0.0, 0.5).distance(tile.point_ecef(1.0, 0.5)) / 256.0;
        let pixel_m = 300.0 * 2.0 * (30.0_f64).to_radians().tan() / 800.0;
        assert!((0.3..2.5).contains(&(texel_m / pixel_m)), "{texel_m} {pixel_m}");
        let oblique = raster_tiles(&view(900.0, -12.0), [0, 19], 1.5, 128);
        let zooms = |tiles: &[RasterTile]| (tiles[0].zoom, tiles[tiles.len() - 1].zoom);
        assert!(zooms(&oblique).0 < zooms(&oblique).1, "{:?}", zooms(&oblique));
    }

    #[test]
    fn zooms_are_kept_and_nonsense_gives_nothing() {
        let tiles = raster_tiles(&view(300.0, -60.0), [0, 15], 1.5, 128);
        assert!(tiles.iter().all(|tile| tile.zoom <= 15) && tiles.iter().any(|tile| tile.zoom == 15));
        assert!(raster_tiles(&view(300.0, -60.0), [9, 3], 1.5, 128).is_empty());
        assert!(raster_tiles(&view(f64::NAN, -60.0), [0, 19], 1.5, 128).is_empty());
        assert!(raster_tiles(&view(4_000_000.0, -60.0), [18, 19], 1.5, 16).is_empty(), "too many of the coarsest");
        assert_eq!(TILE.parent(), Some(RasterTile { zoom: 2, x: 2, y: 1 }));
    }
}
