//! Textures and materials of city models, from files to what a reader sees in the tiles.

use citytwin::bake::source;
use citytwin::bake::{Cancel, Input, Options, Report, Silent, bake, files_of};
use citytwin_manifest::Text;
use citytwin_tiles::{Alpha, Decoded, Limits, Pixels, Primitive, TileContent, What, Wrap, decode};
use glam::{DMat4, DVec3};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use webp_writer::{ColorType, WebPEncoder};

const RED: [u8; 3] = [200, 30, 30];
const GREEN: [u8; 3] = [30, 160, 30];
const BLUE: [u8; 3] = [30, 30, 200];
const YELLOW: [u8; 3] = [220, 210, 40];

/// A folder that is gone after the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("citytwin-textures-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(path.join("pictures")).expect("a folder");
        Self(path)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        std::fs::write(self.0.join(name), bytes).expect("a file");
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A picture of four quarters: red and green above, blue and yellow below.
fn quarters(side: u32) -> Vec<u8> {
    let color = |x: u32, y: u32| match (x < side / 2, y < side / 2) {
        (true, true) => RED,
        (false, true) => GREEN,
        (true, false) => BLUE,
        (false, false) => YELLOW,
    };
    let rgb: Vec<u8> = (0..side).flat_map(|y| (0..side).flat_map(move |x| color(x, y))).collect();
    let mut bytes = Vec::new();
    WebPEncoder::new(&mut bytes).encode(&rgb, side, side, ColorType::Rgb8).expect("a picture");
    bytes
}

/// Corners of walls that look south, 10 m wide and 8 m high, at x = 0, 20, 40 …; each from its lower left one.
fn wall(number: usize) -> [[f64; 3]; 4] {
    let x = number as f64 * 20.0;
    [[x, 0.0, 0.0], [x + 10.0, 0.0, 0.0], [x + 10.0, 0.0, 8.0], [x, 0.0, 8.0]]
}

/// A wall's texture: its number in the file, and how often it is repeated from left to right and upwards.
type Shown = Option<(usize, f64)>;

/// A building of walls.
fn cityjson(walls: &[Shown], images: &[&str]) -> Value {
    let vertices: Vec<[f64; 3]> = (0..walls.len()).flat_map(wall).collect();
    let mut uvs: Vec<[f64; 2]> = Vec::new();
    let mut values: Vec<Value> = Vec::new();
    for shown in walls {
        let Some((texture, times)) = shown else {
            values.push(json!([[null]]));
            continue;
        };
        let first = uvs.len();
        uvs.extend([[0.0, 0.0], [*times, 0.0], [*times, *times], [0.0, *times]]);
        values.push(json!([[texture, first, first + 1, first + 2, first + 3]]));
    }
    let boundaries: Vec<Value> = (0..walls.len()).map(|i| json!([[4 * i, 4 * i + 1, 4 * i + 2, 4 * i + 3]])).collect();
    let textures: Vec<Value> = images.iter().map(|name| json!({ "type": "PNG", "image": name })).collect();
    json!({
        "type": "CityJSON", "version": "2.0",
        "metadata": { "referenceSystem": "https://www.opengis.net/def/crs/EPSG/0/7415" },
        "transform": { "scale": [1.0, 1.0, 1.0], "translate": [85_000.0, 446_000.0, 0.0] },
        "CityObjects": { "house": { "type": "Building", "geometry": [{
            "type": "MultiSurface", "lod": "2", "boundaries": boundaries,
            "texture": { "visible": { "values": values }, "winter": { "values": [] } },
        }] } },
        "appearance": { "textures": textures, "vertices-texture": uvs, "default-theme-texture": "visible" },
        "vertices": vertices,
    })
}

/// Warnings: how often, and examples.
type Told = BTreeMap<String, (u64, Vec<String>)>;

/// Every tile of the buildings by its name, and what was wrong.
fn baked(input: &Input) -> (BTreeMap<String, TileContent>, Told) {
    let city = source::read(std::slice::from_ref(input), &Silent).expect("a city");
    let title = Text::new([("en", "Test")]);
    let files = files_of(&city, &title, &Cancel::default(), &Silent, &mut Report::default()).expect("files");
    let tiles = files.iter().filter(|(name, _)| name.starts_with("buildings/") && name.ends_with(".glb"));
    let read = |(name, bytes): &(String, Vec<u8>)| match decode(bytes, name, &What::Content) {
        Ok(Decoded::Content(content)) => {
            assert_eq!(content.problems, []);
            (name.clone(), content)
        }
        other => panic!("{name}: {other:?}"),
    };
    let warnings = city.warnings.0.iter().map(|(code, w)| (code.clone(), (w.count, w.examples.clone()))).collect();
    (tiles.map(read).collect(), warnings)
}

/// The one tile of a small twin.
fn only(tiles: &BTreeMap<String, TileContent>) -> &TileContent {
    assert_eq!(tiles.len(), 1, "{:?}", tiles.keys());
    tiles.values().next().expect("a tile")
}

fn textured(content: &TileContent) -> Vec<&Primitive> {
    content.primitives.iter().filter(|primitive| primitive.base_color_texture.is_some()).collect()
}

fn index(content: &TileContent, primitive: &Primitive, i: u32) -> u32 {
    let range = primitive.indices.as_ref().expect("indices");
    let at = range.offset as usize + i as usize * if range.wide { 4 } else { 2 };
    let bytes = &content.indices[at..];
    let low = u32::from(u16::from_le_bytes([bytes[0], bytes[1]]));
    if range.wide { low | u32::from(u16::from_le_bytes([bytes[2], bytes[3]])) << 16 } else { low }
}

/// Places all over the triangles of a textured primitive: metres, and the colour that is seen there.
fn seen(content: &TileContent, primitive: &Primitive) -> Vec<(DVec3, [u8; 3])> {
    let texture = primitive.base_color_texture.as_ref().expect("a texture");
    let shown = &content.textures[texture.texture as usize];
    let pixels = content.pixels(shown.image, &Limits::default()).expect("a picture");
    let uvs = primitive.texcoords.first().expect("texture coordinates").1;
    let from_local = DMat4::from_cols_array(&primitive.tile_from_local);
    let vertex = |i: u32| {
        let at = primitive.positions.offset as usize + i as usize * primitive.positions.stride as usize;
        let component = primitive.positions.component;
        let axis = |k: usize| component.read(&content.vertices[at + k * component.size()..]);
        (from_local.transform_point3(DVec3::new(axis(0), axis(1), axis(2))), uvs.uv(&content.vertices, i))
    };
    let mut found = Vec::new();
    for triangle in 0..primitive.indices.as_ref().expect("indices").count / 3 {
        let corners = [0, 1, 2].map(|k| vertex(index(content, primitive, triangle * 3 + k)));
        for (i, j) in (1..9).flat_map(|i| (1..9 - i).map(move |j| (i, j))) {
            let shares = [f64::from(i) / 9.0, f64::from(j) / 9.0, f64::from(9 - i - j) / 9.0];
            let at = (0..3).map(|k| corners[k].0 * shares[k]).sum();
            let uv = [0, 1].map(|axis| (0..3).map(|k| corners[k].1[axis] * shares[k] as f32).sum::<f32>());
            let [r, g, b, _] = pixels.texel(&shown.sampler, texture.transformed(uv));
            found.push((at, [r, g, b]));
        }
    }
    found
}

/// Every wall shows its picture so often, the right way up.
fn check_walls(content: &TileContent, times: &BTreeMap<usize, f64>) {
    let all: Vec<(DVec3, [u8; 3])> = textured(content).into_iter().flat_map(|p| seen(content, p)).collect();
    // Tiles are centred on what they hold.
    let west = content.primitives.iter().map(|p| p.bounds[0][0]).fold(f64::INFINITY, f64::min);
    let low = content.primitives.iter().map(|p| p.bounds[0][2]).fold(f64::INFINITY, f64::min);
    let mut counts: BTreeMap<usize, u32> = BTreeMap::new();
    for (at, color) in all {
        let (x, z) = (at.x - west, at.z - low);
        let number = (x / 20.0) as usize;
        let repeats = times.get(&number).unwrap_or_else(|| panic!("wall {number} shows a picture"));
        let share = |m: f64, of_m: f64| (m / of_m * repeats).rem_euclid(1.0);
        let (u, v) = (share(x - 20.0 * number as f64, 10.0), share(z, 8.0));
        let near_border = |s: f64| !(0.08..=0.92).contains(&s) || (s - 0.5).abs() < 0.08;
        if near_border(u) || near_border(v) {
            continue;
        }
        let expected = match (u < 0.5, v < 0.5) {
            (true, true) => BLUE,
            (false, true) => YELLOW,
            (true, false) => RED,
            (false, false) => GREEN,
        };
        let off = (0..3).map(|k| color[k].abs_diff(expected[k])).max();
        assert!(off < Some(50), "wall {number} at {u:.2} {v:.2}: {color:?} for {expected:?}");
        *counts.entry(number).or_default() += 1;
    }
    for number in times.keys() {
        assert!(counts.get(number).is_some_and(|count| *count > 10), "wall {number}: {counts:?}");
    }
}

#[test]
fn a_textured_cityjson_shows_its_pictures_the_right_way_up() {
    let folder = Folder::new("cityjson");
    folder.write("pictures/quarters.webp", &quarters(64));
    // Once, a little more often (unrolled), and often (a texture that repeats).
    let walls = [Some((0, 1.0)), None, Some((1, 1.5)), Some((2, 6.0))];
    let images = ["pictures/quarters.webp", "pictures\\quarters.webp", "./pictures/quarters.webp"];
    let mut model = cityjson(&walls, &images);
    model["appearance"]["textures"][1]["wrapMode"] = json!("wrap");
    // Of three names for one file with one mode, one picture is made: the third gets a mode of its own.
    model["appearance"]["textures"][2]["wrapMode"] = json!("mirror");
    let path = folder.write("model.json", model.to_string().as_bytes());
    let (tiles, warnings) = baked(&Input::new(&path));
    let content = only(&tiles);
    assert!(!warnings.contains_key("texture_missing") && !warnings.contains_key("texture_unreadable"), "{warnings:?}");
    assert!(content.extensions_used.contains(&"EXT_texture_webp".to_owned()));
    let wraps: Vec<Wrap> = textured(content)
        .iter()
        .map(|p| content.textures[p.base_color_texture.as_ref().expect("a texture").texture as usize].sampler.wrap[0])
        .collect();
    assert_eq!(wraps, [Wrap::Clamp, Wrap::Mirror]);
    // All belong to the building, whose properties are there.
    assert!(textured(content).iter().all(|p| p.feature_ids.is_some() && p.table == Some(0) && p.normals.is_some()));
    let mirrored = textured(content)[1];
    let without_mirror = TileContent {
        primitives: content.primitives.iter().filter(|p| *p != mirrored).cloned().collect(),
        ..content.clone()
    };
    check_walls(&without_mirror, &BTreeMap::from([(0, 1.0), (2, 1.5)]));
    assert!(seen(content, mirrored).len() > 50);

    model["appearance"]["textures"][2]["wrapMode"] = json!("wrap");
    model["appearance"]["textures"][2]["image"] = json!("pictures/own.webp");
    folder.write("pictures/own.webp", &quarters(48));
    let path = folder.write("model.json", model.to_string().as_bytes());
    let (tiles, _) = baked(&Input::new(&path));
    check_walls(only(&tiles), &BTreeMap::from([(0, 1.0), (2, 1.5), (3, 6.0)]));

    let plain = Input { plain: true, ..Input::new(&path) };
    let (tiles, _) = baked(&plain);
    assert!(textured(only(&tiles)).is_empty() && only(&tiles).images.is_empty());
}

/// Faces of a CityGML building, the first reversed by an orientable surface and with a repeated point.
fn gml_walls() -> String {
    let mut text = String::new();
    for number in 0..2 {
        let mut corners = wall(number).to_vec();
        corners.push(corners[0]);
        if number == 0 {
            corners.reverse();
            corners.insert(1, corners[1]);
        }
        let list: Vec<String> =
            corners.iter().map(|[x, y, z]| format!("{} {} {z}", 85_000.0 + x, 446_000.0 + y)).collect();
        let polygon = format!(
            r##"<gml:Polygon gml:id="p{number}"><gml:exterior><gml:LinearRing gml:id="r{number}"><gml:posList>{}</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon>"##,
            list.join(" ")
        );
        let surface = match number {
            0 => format!(
                r#"<gml:OrientableSurface orientation="-"><gml:baseSurface>{polygon}</gml:baseSurface></gml:OrientableSurface>"#
            ),
            _ => polygon,
        };
        text += &format!("<gml:surfaceMember>{surface}</gml:surfaceMember>");
    }
    text
}

/// Texture coordinates of those walls, as many as their points.
fn gml_coordinates() -> [&'static str; 2] {
    ["0 0 0 1 0 1 1 1 1 0 0 0", "0 0 1 0 1 1 0 1 0 0"]
}

fn gml2() -> String {
    let [first, second] = gml_coordinates();
    let texture = |ring: usize, list: &str| {
        format!(
            r##"<app:target uri="#p{ring}"><app:TexCoordList><app:textureCoordinates ring="#r{ring}">{list}</app:textureCoordinates></app:TexCoordList></app:target>"##
        )
    };
    format!(
        r##"<?xml version="1.0"?><core:CityModel xmlns:core="http://www.opengis.net/citygml/2.0" xmlns:bldg="http://www.opengis.net/citygml/building/2.0" xmlns:app="http://www.opengis.net/citygml/appearance/2.0" xmlns:gml="http://www.opengis.net/gml">
<gml:boundedBy><gml:Envelope srsName="EPSG:7415"/></gml:boundedBy>
<core:cityObjectMember><bldg:Building gml:id="house">
<app:appearance><app:Appearance><app:surfaceDataMember><app:ParameterizedTexture><app:imageURI>pictures/quarters.webp</app:imageURI>{}</app:ParameterizedTexture></app:surfaceDataMember>
<app:surfaceDataMember><app:GeoreferencedTexture><app:imageURI>map.tif</app:imageURI></app:GeoreferencedTexture></app:surfaceDataMember></app:Appearance></app:appearance>
<bldg:lod2MultiSurface><gml:MultiSurface>{}<gml:surfaceMember><gml:Polygon gml:id="glass"><gml:exterior><gml:LinearRing><gml:posList>85040 446000 0 85050 446000 0 85050 446000 8 85040 446000 8 85040 446000 0</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon></gml:surfaceMember></gml:MultiSurface></bldg:lod2MultiSurface>
</bldg:Building></core:cityObjectMember>
<app:appearanceMember><app:Appearance><app:theme>visual</app:theme>
<app:surfaceDataMember><app:ParameterizedTexture><app:imageURI>pictures/quarters.webp</app:imageURI><app:wrapMode>wrap</app:wrapMode>{}</app:ParameterizedTexture></app:surfaceDataMember>
<app:surfaceDataMember><app:X3DMaterial><app:diffuseColor>0.2 0.4 0.6</app:diffuseColor><app:transparency>0.5</app:transparency><app:target>#glass</app:target></app:X3DMaterial></app:surfaceDataMember>
</app:Appearance></app:appearanceMember></core:CityModel>"##,
        texture(0, first),
        gml_walls(),
        texture(1, second),
    )
}

fn gml3() -> String {
    let [first, second] = gml_coordinates();
    format!(
        r##"<?xml version="1.0"?><core:CityModel xmlns:core="http://www.opengis.net/citygml/3.0" xmlns:con="http://www.opengis.net/citygml/construction/3.0" xmlns:bldg="http://www.opengis.net/citygml/building/3.0" xmlns:app="http://www.opengis.net/citygml/appearance/3.0" xmlns:gml="http://www.opengis.net/gml/3.2">
<gml:boundedBy><gml:Envelope srsName="EPSG:7415"/></gml:boundedBy>
<core:appearanceMember><app:Appearance><app:surfaceData><app:ParameterizedTexture><app:imageURI>pictures/quarters.webp</app:imageURI><app:textureParameterization><app:TextureAssociation><app:target>#p0</app:target><app:textureParameterization><app:TexCoordList><app:textureCoordinates>{first}</app:textureCoordinates><app:textureCoordinates>{second}</app:textureCoordinates><app:ring>#r0</app:ring><app:ring>#r1</app:ring></app:TexCoordList></app:textureParameterization></app:TextureAssociation></app:textureParameterization></app:ParameterizedTexture></app:surfaceData></app:Appearance></core:appearanceMember>
<core:cityObjectMember><bldg:Building gml:id="house"><core:lod2MultiSurface><gml:MultiSurface>{}</gml:MultiSurface></core:lod2MultiSurface></bldg:Building></core:cityObjectMember>
</core:CityModel>"##,
        gml_walls(),
    )
}

#[test]
fn citygml_names_pictures_and_materials_by_ring_and_surface() {
    let folder = Folder::new("citygml");
    folder.write("pictures/quarters.webp", &quarters(64));
    for (name, text) in [("two.gml", gml2()), ("three.gml", gml3())] {
        let path = folder.write(name, text.as_bytes());
        let (tiles, warnings) = baked(&Input::new(&path));
        let content = only(&tiles);
        check_walls(content, &BTreeMap::from([(0, 1.0), (1, 1.0)]));
        assert!(!warnings.contains_key("texture_unreadable"), "{name}: {warnings:?}");
        let glass: Vec<&Primitive> = content.primitives.iter().filter(|p| p.alpha == Alpha::Blend).collect();
        if name == "three.gml" {
            assert!(glass.is_empty());
            continue;
        }
        assert_eq!(warnings["texture_left_out"], (1, vec!["house: a GeoreferencedTexture".to_owned()]));
        assert_eq!(glass.len(), 1);
        let colors = glass[0].colors.expect("colours");
        assert_eq!(content.vertices[colors.offset as usize + 3], 128);
    }
}

/// Corners of a block of 10 × 6 × 8 m, and its faces: four walls, a roof, a floor.
const BLOCK: ([[f64; 3]; 8], [[usize; 4]; 6]) = (
    [
        [0.0, 0.0, 0.0],
        [10.0, 0.0, 0.0],
        [10.0, 6.0, 0.0],
        [0.0, 6.0, 0.0],
        [0.0, 0.0, 8.0],
        [10.0, 0.0, 8.0],
        [10.0, 6.0, 8.0],
        [0.0, 6.0, 8.0],
    ],
    [[0, 1, 5, 4], [1, 2, 6, 5], [2, 3, 7, 6], [3, 0, 4, 7], [4, 5, 6, 7], [3, 2, 1, 0]],
);

/// That block with a picture on each face, right way out or not.
fn block(format: &str, inside_out: bool) -> String {
    let (corners, faces) = BLOCK;
    // Each corner of each face has coordinates of its own.
    let uv = |face: usize, at: usize| [at as f64 / 4.0, face as f64 / 6.0];
    let order: Vec<usize> = if inside_out { vec![3, 2, 1, 0] } else { vec![0, 1, 2, 3] };
    if format == "json" {
        let mut model = cityjson(&[], &["pictures/quarters.webp"]);
        let of = |value: &dyn Fn(usize, usize) -> Value| -> Vec<Vec<Value>> {
            (0..6).map(|face| order.iter().map(|&at| value(face, at)).collect()).collect()
        };
        let boundaries: Vec<Value> =
            of(&|face, at| json!(faces[face][at])).into_iter().map(|ring| json!([ring])).collect();
        let values = of(&|face, at| json!(4 * face + at)).into_iter();
        let values: Vec<Value> = values.map(|ring| vec![[vec![json!(0)], ring].concat()].into()).collect();
        model["CityObjects"]["house"]["geometry"][0] = json!({
            "type": "Solid", "lod": "2", "boundaries": [boundaries], "texture": { "visible": { "values": [values] } },
        });
        model["appearance"]["vertices-texture"] = (0..24).map(|i| json!(uv(i / 4, i % 4))).collect();
        model["vertices"] = json!(corners);
        return model.to_string();
    }
    let (mut polygons, mut coordinates) = (String::new(), String::new());
    for face in 0..6 {
        let ring = || order.iter().chain(&order[..1]);
        let places = ring().map(|&at| corners[faces[face][at]]);
        let places: Vec<String> = places.map(|[x, y, z]| format!("{} {} {z}", 85_000.0 + x, 446_000.0 + y)).collect();
        let uvs: Vec<String> = ring().map(|&at| uv(face, at)).map(|[u, v]| format!("{u} {v}")).collect();
        polygons += &format!(
            r##"<gml:surfaceMember><gml:Polygon gml:id="p{face}"><gml:exterior><gml:LinearRing gml:id="r{face}"><gml:posList>{}</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon></gml:surfaceMember>"##,
            places.join(" ")
        );
        coordinates += &format!(
            r##"<app:target uri="#p{face}"><app:TexCoordList><app:textureCoordinates ring="#r{face}">{}</app:textureCoordinates></app:TexCoordList></app:target>"##,
            uvs.join(" ")
        );
    }
    let appearance = format!(
        "<app:Appearance><app:surfaceDataMember><app:ParameterizedTexture><app:imageURI>pictures/quarters.webp</app:imageURI>{coordinates}</app:ParameterizedTexture></app:surfaceDataMember></app:Appearance>"
    );
    let (inner, outer) = match format {
        "gml, own" => (format!("<app:appearance>{appearance}</app:appearance>"), String::new()),
        _ => (String::new(), format!("<app:appearanceMember>{appearance}</app:appearanceMember>")),
    };
    format!(
        r#"<core:CityModel xmlns:core="http://www.opengis.net/citygml/2.0" xmlns:bldg="http://www.opengis.net/citygml/building/2.0" xmlns:app="http://www.opengis.net/citygml/appearance/2.0" xmlns:gml="http://www.opengis.net/gml"><gml:boundedBy><gml:Envelope srsName="EPSG:7415"/></gml:boundedBy><core:cityObjectMember><bldg:Building gml:id="house">{inner}<bldg:lod2Solid><gml:Solid><gml:exterior><gml:CompositeSurface>{polygons}</gml:CompositeSurface></gml:exterior></gml:Solid></bldg:lod2Solid></bldg:Building></core:cityObjectMember>{outer}</core:CityModel>"#
    )
}

#[test]
fn textures_of_a_solid_that_was_inside_out_are_where_they_were() {
    let folder = Folder::new("turned");
    folder.write("pictures/quarters.webp", &quarters(64));
    for format in ["json", "gml, own", "gml, beside"] {
        let read = |inside_out: bool| {
            let path = folder.write("model", block(format, inside_out).as_bytes());
            let city = source::read(&[Input::new(path)], &Silent).expect("a city");
            assert_eq!(city.warnings.0.contains_key("shapes_inside_out"), inside_out, "{format}: {:?}", city.warnings);
            let surfaces = &city.buildings[0].surfaces;
            // Of each face, where it looks, and what each of its corners shows.
            let faces = surfaces.iter().map(|surface| {
                let ring = &surface.rings[0];
                let millimetres = |p: DVec3| (p * 1000.0).to_array().map(|value| value.round() as i64);
                let uvs = &surface.drape.as_ref().expect("a picture").uvs[0];
                let mut corners: Vec<([i64; 3], [u32; 2])> =
                    ring.iter().zip(uvs).map(|(p, uv)| (millimetres(*p), uv.map(f32::to_bits))).collect();
                corners.sort_unstable();
                (millimetres((ring[1] - ring[0]).cross(ring[2] - ring[1])), corners)
            });
            faces.collect::<Vec<_>>()
        };
        let (right, turned) = (read(false), read(true));
        assert_eq!(right.len(), 6, "{format}");
        assert_eq!(right, turned, "{format}");
    }
}

#[test]
fn pictures_that_cannot_be_read_are_counted_and_leave_the_surface_plain() {
    let folder = Folder::new("broken");
    folder.write("pictures/text.png", b"no picture");
    // A header of 60,000 by 60,000 pixels, and nothing behind it.
    let mut bomb = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    bomb.extend([0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60, 8, 6, 0, 0, 0, 0, 0, 0, 0]);
    folder.write("pictures/bomb.png", &bomb);
    std::fs::write(folder.0.join("outside.webp"), quarters(8)).expect("a file");
    std::fs::create_dir_all(folder.0.join("in")).expect("a folder");
    let images = [
        "../outside.webp",
        "../pictures/text.png",
        "nowhere.png",
        "/etc/hostname",
        "http://host/a.png",
        "text.png",
        "bomb.png",
    ];
    folder.write("in/text.png", b"no picture");
    folder.write("in/bomb.png", &bomb);
    let walls: Vec<Shown> = (0..images.len()).map(|i| Some((i, 1.0))).collect();
    let mut model = cityjson(&walls, &images);
    // And texture coordinates that are none.
    model["CityObjects"]["house"]["geometry"][0]["texture"]["visible"]["values"][2] = json!([[2, 0, 1, 999, 3]]);
    let path = folder.write("in/model.json", model.to_string().as_bytes());
    let (tiles, warnings) = baked(&Input::new(&path));
    assert!(textured(only(&tiles)).is_empty());
    assert_eq!(only(&tiles).primitives.len(), 1);
    assert_eq!((warnings["texture_missing"].0, warnings["texture_unreadable"].0), (4, 3), "{warnings:?}");
    let told = warnings["texture_missing"].1.join("\n");
    assert!(told.contains("house: ../outside.webp: outside of the folder of the model"), "{told}");

    // A link that leads out of the folder is not followed.
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(folder.0.join("outside.webp"), folder.0.join("in/link.webp")).expect("a link");
        let path = folder.write("in/model.json", cityjson(&[Some((0, 1.0))], &["link.webp"]).to_string().as_bytes());
        let (_, warnings) = baked(&Input::new(&path));
        assert_eq!(warnings["texture_missing"].0, 1, "{warnings:?}");
    }
    // Coordinates that are no pairs cost the pictures, not the city.
    let mut model = cityjson(&[Some((0, 1.0))], &["text.png"]);
    model["appearance"]["vertices-texture"] = json!([[1.0], "x", null]);
    let path = folder.write("in/model.json", model.to_string().as_bytes());
    assert_eq!(baked(&Input::new(&path)).1["texture_unreadable"].0, 1);
    // Bytes in memory never lead to a file.
    let city = source::read_bytes(&Input::new(&path), model.to_string().as_bytes()).expect("a city");
    assert!(city.buildings[0].surfaces.iter().all(|surface| surface.drape.is_none()));
}

#[test]
fn pictures_are_found_in_the_archive_of_their_model() {
    let folder = Folder::new("zip");
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut zip = zip::ZipWriter::new(&mut bytes);
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let model = cityjson(&[Some((0, 1.0))], &["pictures/four%20quarters.webp"]).to_string();
    for (name, bytes) in
        [("city/model.json", model.as_bytes()), ("city/pictures/four quarters.webp", &quarters(64)[..])]
    {
        zip.start_file(name, stored).expect("a member");
        zip.write_all(bytes).expect("its bytes");
    }
    zip.finish().expect("an archive");
    let path = folder.write("city.zip", &bytes.into_inner());
    let (tiles, warnings) = baked(&Input::new(&path));
    check_walls(only(&tiles), &BTreeMap::from([(0, 1.0)]));
    assert!(!warnings.contains_key("texture_missing"), "{warnings:?}");
}

#[test]
fn coarser_tiles_show_coarser_pictures() {
    let folder = Folder::new("levels");
    // On two walls, 1.4 million texels: more than a tile should hold.
    folder.write("pictures/quarters.webp", &quarters(1200));
    let model = cityjson(&[Some((0, 1.0)), Some((0, 1.0))], &["pictures/quarters.webp"]);
    let path = folder.write("model.json", model.to_string().as_bytes());
    let (tiles, _) = baked(&Input::new(&path));
    let side = |content: &TileContent| {
        let pixels: Pixels = content.pixels(0, &Limits::default()).expect("a picture");
        pixels.width
    };
    let sides: Vec<u32> = tiles.values().map(side).collect();
    // The root's error is a metre: 1/16 m for a texel. Below, texels are as fine as 1 cm.
    assert_eq!(sides.len(), 2);
    assert!((140..180).contains(&sides[0]) && (880..940).contains(&sides[1]), "{sides:?}");
    for content in tiles.values() {
        check_walls(content, &BTreeMap::from([(0, 1.0), (1, 1.0)]));
    }
}

#[test]
fn a_twin_is_baked_again_when_a_picture_beside_its_model_has_changed() {
    let folder = Folder::new("again");
    folder.write("pictures/quarters.webp", &quarters(64));
    let model = cityjson(&[Some((0, 1.0))], &["pictures/quarters.webp"]).to_string();
    let path = folder.write("model.json", model.as_bytes());
    let out = folder.0.join("out");
    let options = Options { inputs: vec![Input::new(&path)], out: out.clone(), ..Options::default() };
    let tile = || {
        bake(&options, &Cancel::default(), &Silent).expect("a twin");
        std::fs::read(out.join("buildings/tiles/0/0/0.glb")).expect("a tile")
    };
    let first = tile();
    assert_eq!(tile(), first);
    folder.write("pictures/quarters.webp", &quarters(40));
    assert_ne!(tile(), first);
}

#[expect(clippy::print_stderr, reason = "a skipped test must be loud")]
#[test]
fn every_textured_surface_of_a_real_model_shows_its_picture() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/data/citymodel/citygml4j/citygml4j-samples/input/datasets/lod3_building_v2.gml");
    if !path.exists() {
        eprintln!("SKIPPED: {} is not there", path.display());
        return;
    }
    let city = source::read(&[Input::new(&path)], &Silent).expect("a city");
    let draped =
        city.buildings.iter().chain(&city.structures).flat_map(|b| &b.surfaces).filter(|s| s.drape.is_some()).count();
    let read = city.pictures.iter().filter(|picture| picture.size[0] > 0).count();
    // By lxml: 3,092 rings with texture coordinates, of 8 pictures. 27 are slivers, told once near and once from afar.
    assert_eq!((draped, read, city.pictures.len()), (3065, 8, 8));
    assert_eq!(city.warnings.0["surface_without_extent"].count, 54);
}
