//! Words of the manifest in English and Chinese: layers, properties and their values.

use citytwin_manifest::{PropertyWords, Text, Theme};
use std::collections::BTreeMap;

fn text(en: &str, zh: &str) -> Text {
    Text::new([("en", en), ("zh-CN", zh)])
}

/// Name of a layer.
pub(super) fn layer(theme: Theme) -> Text {
    match theme {
        Theme::Ground => text("Land and water", "地面与水域"),
        Theme::Transport => text("Streets and railways", "道路与轨道"),
        Theme::Buildings => text("Buildings", "建筑"),
        Theme::Furniture => text("Trees and street furniture", "树木与街道设施"),
        Theme::Other => text("More", "其他"),
    }
}

/// Words of a property; one that is in no list is shown under its id, made readable.
pub(super) fn property(theme: Theme, id: &str) -> PropertyWords {
    let (title, unit) = match PROPERTIES.iter().find(|known| known.0 == id) {
        Some(&(_, en, zh, unit)) => (text(en, zh), unit),
        None => (unlisted(id), ""),
    };
    PropertyWords { title, unit: (!unit.is_empty()).then(|| unit.into()), values: values(theme, id) }
}

fn unlisted(id: &str) -> Text {
    if let Some(tag) = id.strip_prefix("name_") {
        return match LANGUAGES.iter().find(|language| language.0 == tag) {
            Some((_, en, zh)) => text(&format!("Name ({en})"), &format!("名称（{zh}）")),
            None => text(&format!("Name ({tag})"), &format!("名称（{tag}）")),
        };
    }
    let mut words = id.replace('_', " ");
    if let Some(first) = words.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    text(&words, &words)
}

fn values(theme: Theme, id: &str) -> BTreeMap<String, Text> {
    let list: &[(&str, &str, &str)] = match (id, theme) {
        ("height_source", _) => HEIGHT_SOURCES,
        ("class", Theme::Ground) => AREA_CLASSES,
        ("class", Theme::Transport) => WAY_CLASSES,
        ("class", Theme::Buildings) => BUILDING_CLASSES,
        ("class", Theme::Furniture) => POINT_CLASSES,
        ("class", Theme::Other) => STRUCTURE_CLASSES,
        _ => &[],
    };
    list.iter().map(|(value, en, zh)| ((*value).into(), text(en, zh))).collect()
}

/// (id, English, Chinese, unit).
const PROPERTIES: &[(&str, &str, &str, &str)] = &[
    ("access", "Access", "通行权限", ""),
    ("address", "Address", "地址", ""),
    ("alt_name", "Other name", "其他名称", ""),
    ("amenity", "Amenity", "设施", ""),
    ("architect", "Architect", "建筑师", ""),
    ("artist_name", "Artist", "艺术家", ""),
    ("bicycle", "Bicycles", "自行车通行", ""),
    ("brand", "Brand", "品牌", ""),
    ("bridge", "Bridge", "桥梁", ""),
    ("building", "Building type", "建筑类型", ""),
    ("building_material", "Wall material", "墙体材料", ""),
    ("building_use", "Use of the building", "建筑用途", ""),
    ("camera_type", "Camera type", "摄像机类型", ""),
    ("capacity", "Capacity", "容量", ""),
    ("circumference_m", "Trunk circumference", "树干周长", "m"),
    ("class", "Kind", "类别", ""),
    ("crossing", "Crossing", "过街设施", ""),
    ("cuisine", "Cuisine", "菜系", ""),
    ("denomination", "Denomination", "教派", ""),
    ("denotation", "Denotation", "标识", ""),
    ("description", "Description", "说明", ""),
    ("direction_deg", "Direction", "朝向", "°"),
    ("electrified", "Electrified", "电气化", ""),
    ("email", "E-mail", "电子邮箱", ""),
    ("emergency", "Emergency facility", "应急设施", ""),
    ("fee", "Fee", "收费", ""),
    ("flats", "Flats", "户数", ""),
    ("floors", "Floors", "楼层数", ""),
    ("genus", "Genus", "属", ""),
    ("ground_m", "Ground level in the source", "数据中的地面高程", "m"),
    ("healthcare", "Health care", "医疗", ""),
    ("height_m", "Height", "高度", "m"),
    ("height_source", "Height known from", "高度来源", ""),
    ("heritage", "Heritage listing", "文物保护级别", ""),
    ("highway", "Road type", "道路类型", ""),
    ("historic", "Historic site", "历史遗迹", ""),
    ("id", "Source id", "来源编号", ""),
    ("internet_access", "Internet access", "上网", ""),
    ("landuse", "Land use", "用地性质", ""),
    ("lanes", "Lanes", "车道数", ""),
    ("layer", "Layer", "层次", ""),
    ("leaf_cycle", "Leaf cycle", "落叶习性", ""),
    ("leaf_type", "Leaf type", "叶型", ""),
    ("leisure", "Leisure", "休闲设施", ""),
    ("levels", "Floors", "楼层数", ""),
    ("levels_underground", "Floors underground", "地下层数", ""),
    ("lit", "Lit at night", "夜间照明", ""),
    ("man_made", "Structure", "构筑物", ""),
    ("material", "Material", "材料", ""),
    ("maxspeed", "Speed limit", "限速", "km/h"),
    ("maxspeed_kmh", "Speed limit", "限速", "km/h"),
    ("min_height_m", "Height of the underside", "底部高度", "m"),
    ("name", "Name", "名称", ""),
    ("natural", "Natural feature", "自然要素", ""),
    ("network", "Network", "线网", ""),
    ("office", "Office", "办公机构", ""),
    ("official_name", "Official name", "正式名称", ""),
    ("old_name", "Former name", "旧称", ""),
    ("oneway", "One-way", "单行", ""),
    ("opening_hours", "Opening hours", "营业时间", ""),
    ("operator", "Operator", "运营单位", ""),
    ("parts", "Parts in the model", "模型组成部分", ""),
    ("phone", "Phone", "电话", ""),
    ("postcode", "Postcode", "邮编", ""),
    ("public_transport", "Public transport", "公共交通", ""),
    ("railway", "Railway", "铁路", ""),
    ("ref", "Reference", "编号", ""),
    ("religion", "Religion", "宗教", ""),
    ("roof_levels", "Floors in the roof", "屋顶层数", ""),
    ("roof_material", "Roof material", "屋顶材料", ""),
    ("roof_shape", "Roof shape", "屋顶形状", ""),
    ("shop", "Shop", "商店", ""),
    ("short_name", "Short name", "简称", ""),
    ("source", "Source", "数据来源", ""),
    ("species", "Species", "树种", ""),
    ("sport", "Sport", "运动项目", ""),
    ("start_date", "Built", "建成时间", ""),
    ("surface", "Surface", "路面", ""),
    ("surveillance", "Surveillance", "监控类型", ""),
    ("surveillance_type", "Surveillance type", "监控方式", ""),
    ("tourism", "Sight or lodging", "旅游设施", ""),
    ("tunnel", "Tunnel", "隧道", ""),
    ("website", "Website", "网站", ""),
    ("wheelchair", "Wheelchair access", "无障碍通行", ""),
    ("width_m", "Width", "宽度", "m"),
];

/// (tag, English, Chinese).
const LANGUAGES: &[(&str, &str, &str)] = &[
    ("ar", "Arabic", "阿拉伯语"),
    ("de", "German", "德语"),
    ("en", "English", "英语"),
    ("es", "Spanish", "西班牙语"),
    ("et", "Estonian", "爱沙尼亚语"),
    ("fi", "Finnish", "芬兰语"),
    ("fr", "French", "法语"),
    ("it", "Italian", "意大利语"),
    ("ja", "Japanese", "日语"),
    ("ko", "Korean", "韩语"),
    ("nl", "Dutch", "荷兰语"),
    ("pl", "Polish", "波兰语"),
    ("pt", "Portuguese", "葡萄牙语"),
    ("ru", "Russian", "俄语"),
    ("se", "Northern Sami", "北萨米语"),
    ("sv", "Swedish", "瑞典语"),
    ("uk", "Ukrainian", "乌克兰语"),
    ("zh", "Chinese", "中文"),
    ("zh_Hans", "Simplified Chinese", "简体中文"),
    ("zh_Hant", "Traditional Chinese", "繁体中文"),
];

/// (value, English, Chinese).
const HEIGHT_SOURCES: &[(&str, &str, &str)] = &[
    ("tagged", "measured or given", "实测或标注"),
    ("levels", "from the number of floors", "按楼层数推算"),
    ("estimated", "estimated from type and neighbours", "按类型与周边估计"),
];

/// City objects of CityGML and CityJSON that are no buildings.
const STRUCTURE_CLASSES: &[(&str, &str, &str)] = &[
    ("bridge", "Bridge", "桥梁"),
    ("bridge_part", "Part of a bridge", "桥梁部件"),
    ("city_furniture", "City furniture", "城市家具"),
    ("generic_city_object", "Other object", "其他对象"),
    ("other_construction", "Other construction", "其他构筑物"),
    ("tunnel", "Tunnel", "隧道"),
    ("tunnel_part", "Part of a tunnel", "隧道部件"),
    ("tin_relief", "Relief", "地形"),
];

const AREA_CLASSES: &[(&str, &str, &str)] = &[
    ("residential", "Residential area", "居住用地"),
    ("commercial", "Commercial area", "商业用地"),
    ("industrial", "Industrial area", "工业用地"),
    ("sand", "Sand", "沙地"),
    ("grass", "Grass", "草地"),
    ("park", "Park", "公园"),
    ("wood", "Wood", "林地"),
    ("pitch", "Sports pitch", "运动场地"),
    ("plaza", "Square", "广场"),
    ("parking", "Car park", "停车场"),
    ("water", "Water", "水域"),
    ("pier", "Pier", "码头"),
];

const WAY_CLASSES: &[(&str, &str, &str)] = &[
    ("steps", "Steps", "台阶"),
    ("path", "Path", "小径"),
    ("footway", "Footway", "人行道"),
    ("cycleway", "Cycleway", "自行车道"),
    ("pedestrian", "Pedestrian street", "步行街"),
    ("service", "Service road", "辅助道路"),
    ("residential", "Residential street", "住宅区道路"),
    ("tertiary", "Local road", "支路"),
    ("secondary", "Secondary road", "次干路"),
    ("primary", "Main road", "主干路"),
    ("trunk", "Trunk road", "快速路"),
    ("motorway", "Motorway", "高速公路"),
    ("rail", "Railway", "铁路"),
    ("tram", "Tramway", "有轨电车"),
    ("waterway", "Waterway", "水道"),
];

const BUILDING_CLASSES: &[(&str, &str, &str)] = &[
    ("yes", "Building", "建筑"),
    ("apartments", "Apartment building", "公寓楼"),
    ("barn", "Barn", "谷仓"),
    ("bunker", "Bunker", "掩体"),
    ("bridge", "Building bridge", "连廊"),
    ("cathedral", "Cathedral", "主教座堂"),
    ("chapel", "Chapel", "小教堂"),
    ("church", "Church", "教堂"),
    ("civic", "Civic building", "公共建筑"),
    ("college", "College", "学院"),
    ("commercial", "Commercial building", "商业建筑"),
    ("construction", "Under construction", "在建"),
    ("detached", "Detached house", "独栋住宅"),
    ("dormitory", "Dormitory", "宿舍"),
    ("fire_station", "Fire station", "消防站"),
    ("garage", "Garage", "车库"),
    ("garages", "Garages", "车库"),
    ("government", "Government building", "政府建筑"),
    ("greenhouse", "Greenhouse", "温室"),
    ("hospital", "Hospital", "医院"),
    ("hotel", "Hotel", "酒店"),
    ("house", "House", "住宅"),
    ("industrial", "Industrial building", "工业建筑"),
    ("kindergarten", "Kindergarten", "幼儿园"),
    ("kiosk", "Kiosk", "售货亭"),
    ("mosque", "Mosque", "清真寺"),
    ("museum", "Museum", "博物馆"),
    ("office", "Office building", "办公楼"),
    ("parking", "Multi-storey car park", "停车楼"),
    ("public", "Public building", "公共建筑"),
    ("residential", "Residential building", "住宅楼"),
    ("retail", "Shops", "零售建筑"),
    ("roof", "Roof", "顶棚"),
    ("ruins", "Ruins", "遗址"),
    ("school", "School", "学校"),
    ("semidetached_house", "Semi-detached house", "双拼住宅"),
    ("service", "Utility building", "设备用房"),
    ("shed", "Shed", "棚屋"),
    ("stadium", "Stadium", "体育场"),
    ("supermarket", "Supermarket", "超市"),
    ("synagogue", "Synagogue", "犹太会堂"),
    ("temple", "Temple", "寺庙"),
    ("terrace", "Terraced houses", "联排住宅"),
    ("theatre", "Theatre", "剧院"),
    ("toilets", "Toilets", "公共厕所"),
    ("tower", "Tower", "塔楼"),
    ("train_station", "Railway station", "火车站"),
    ("transportation", "Station", "交通建筑"),
    ("university", "University", "大学"),
    ("warehouse", "Warehouse", "仓库"),
];

const POINT_CLASSES: &[(&str, &str, &str)] = &[
    ("tree", "Tree", "树木"),
    ("street_lamp", "Street lamp", "路灯"),
    ("traffic_signal", "Traffic signal", "交通信号灯"),
    ("camera", "Camera", "摄像头"),
    ("hydrant", "Fire hydrant", "消火栓"),
    ("stop", "Stop", "站点"),
    ("entrance", "Entrance", "出入口"),
    ("bench", "Bench", "长椅"),
    ("waste_basket", "Waste basket", "垃圾桶"),
    ("bollard", "Bollard", "护柱"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kept_tag_has_words_of_its_own() {
        use crate::bake::osm::tags::{KEPT, NUMBERS};
        for (_, id) in KEPT.iter().chain(&NUMBERS) {
            assert!(PROPERTIES.iter().any(|known| known.0 == *id), "{id}");
        }
    }

    #[test]
    fn unknown_properties_have_readable_words_too() {
        for id in ["height_m", "name_fi", "name_xx", "roof_shape", "something_new", "_"] {
            let words = property(Theme::Buildings, id);
            assert!(!words.title.get("en").is_empty() && !words.title.get("zh-CN").is_empty(), "{id}");
        }
        assert_eq!(property(Theme::Buildings, "height_m").unit.as_deref(), Some("m"));
        assert_eq!(property(Theme::Other, "something_new").title.get("en"), "Something new");
        assert_eq!(property(Theme::Buildings, "name_sv").title.get("en"), "Name (Swedish)");
    }
}
