//! Every word of the shell, in each of its languages. A missing word does not compile.

use crate::number;

/// A language of the shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lang {
    /// English.
    En,
    /// Chinese, simplified script.
    Zh,
}

impl Lang {
    /// Every language, in the order of the switch.
    pub const ALL: [Self; 2] = [Self::En, Self::Zh];

    /// The language of a BCP 47 tag, by its primary subtag; `None` when the shell does not speak it.
    pub fn from_tag(tag: &str) -> Option<Self> {
        match tag.split(['-', '_']).next()?.to_ascii_lowercase().as_str() {
            "en" => Some(Self::En),
            "zh" => Some(Self::Zh),
            _ => None,
        }
    }

    /// Its BCP 47 tag, for `lang` attributes and the manifest's words.
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh-CN",
        }
    }

    /// Its primary subtag, as in the property id `name_zh`.
    pub fn primary(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh",
        }
    }

    /// Its name in itself.
    pub fn own_name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::Zh => "中文",
        }
    }

    /// The language that the switch leads to.
    pub fn other(self) -> Self {
        match self {
            Self::En => Self::Zh,
            Self::Zh => Self::En,
        }
    }

    /// Its words.
    pub fn words(self) -> &'static Words {
        match self {
            Self::En => &EN,
            Self::Zh => &ZH,
        }
    }

    /// A unit as this language writes it after a number; unknown ones as they are.
    pub fn unit(self, symbol: &str) -> &str {
        match (self, symbol) {
            (Self::Zh, "m") => "米",
            (Self::Zh, "km") => "公里",
            (Self::Zh, "m²" | "m2") => "平方米",
            (Self::Zh, "km²" | "km2") => "平方公里",
            (Self::Zh, "km/h") => "公里/小时",
            (Self::En, "m2") => "m²",
            (Self::En, "km2") => "km²",
            _ => symbol,
        }
    }
}

/// The words of one language. Fields are grouped by where they are read.
#[allow(missing_docs)] // the field's name and the English words say it
pub struct Words {
    // The page.
    pub digital_twin: &'static str,
    pub opening: &'static str,
    pub page_title: fn(city: &str) -> String,
    pub skip_to_map: &'static str,

    // The map, for those who do not see it.
    pub map_of: fn(city: &str) -> String,
    pub map_help: &'static str,
    pub looking: fn(heading: &str, distance: &str) -> String,
    pub headings: [&'static str; 8],

    // Search.
    pub search: &'static str,
    pub search_in: fn(city: &str) -> String,
    pub clear_search: &'static str,
    pub results: &'static str,
    pub results_found: fn(count: usize) -> String,
    pub nothing_found: fn(query: &str) -> String,
    pub did_you_mean: &'static str,
    pub search_failed: &'static str,
    pub search_failed_offline: &'static str,
    pub search_incomplete: &'static str,
    pub search_loading: &'static str,
    pub searching: &'static str,
    pub narrow_down: &'static str,
    pub browse: &'static str,
    pub in_view: &'static str,
    pub near_me: &'static str,
    pub locating: &'static str,
    pub not_located: &'static str,

    // Panels and controls.
    pub layers: &'static str,
    pub layers_hint: &'static str,
    pub no_layers: &'static str,
    pub labels: &'static str,
    pub look_inside: &'static str,
    pub see_through: &'static str,
    pub underground: &'static str,
    pub close: &'static str,
    pub resize_panel: &'static str,
    pub zoom_in: &'static str,
    pub zoom_out: &'static str,
    pub home: &'static str,
    pub north_up: &'static str,
    pub north_up_from: fn(heading_deg: i32) -> String,
    pub camera: &'static str,
    pub daytime: &'static str,
    pub date: &'static str,
    pub time: &'static str,
    pub now: &'static str,
    pub clear_morning: &'static str,
    pub language: &'static str,
    pub attribution: &'static str,

    // A feature.
    pub unnamed: &'static str,
    pub also_called: &'static str,
    pub position: &'static str,
    pub position_of: fn(lon_deg: f64, lat_deg: f64) -> String,
    pub source_id: &'static str,
    pub look_closer: &'static str,
    pub yes: &'static str,
    pub no: &'static str,
    pub no_facts: &'static str,

    // Loading.
    pub loading_city: fn(loaded: u64, wanted: u64, bytes: u64) -> String,
    pub loading_starts: &'static str,
    pub loading_quarter: fn(quarter: u8) -> String,
    pub loading_done: &'static str,

    // Faults that leave the city on the screen.
    pub restoring_picture: &'static str,
    pub graphics_gone: &'static str,
    pub reload: &'static str,
    pub published_again: &'static str,
    pub empty_city: &'static str,
    pub offline: &'static str,
    pub parts_missing: fn(count: usize) -> String,
    pub parts_missing_help: &'static str,
    pub details: &'static str,
    pub try_again: &'static str,
    pub technical_details: &'static str,
    pub more_like_this: fn(count: usize) -> String,

    // Faults instead of the city: heading, then what to do.
    pub twin_missing: (&'static str, &'static str),
    pub twin_refused: (&'static str, fn(status: u16) -> String),
    pub twin_unreachable: (&'static str, &'static str),
    pub twin_broken: (&'static str, &'static str),
    pub twin_format: (&'static str, &'static str),
    pub twin_foreign: (&'static str, &'static str),
    pub no_webgl2: (&'static str, &'static str),
    pub no_viewer: (&'static str, &'static str),
}

static EN: Words = Words {
    digital_twin: "Digital twin",
    opening: "Opening the city…",
    page_title: |city| format!("{city} · Digital twin"),
    skip_to_map: "Skip to the map",

    map_of: |city| format!("3D map of {city}"),
    map_help: "Drag to move, scroll or pinch to zoom, drag with the right button or two fingers to turn and tilt. \
               With the keyboard: arrow keys move, plus and minus zoom, the buttons at the bottom right do the rest. \
               Everything that can be clicked can also be found with the search.",
    looking: |heading, distance| format!("Looking {heading} from {distance} away."),
    headings: ["north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west"],

    search: "Search",
    search_in: |city| format!("Search {city}"),
    clear_search: "Clear the search",
    results: "Search results",
    results_found: |count| match count {
        1 => "1 result".into(),
        _ => format!("{} results", number::count(count as u64)),
    },
    nothing_found: |query| match query {
        "" => "Nothing is found here. Look at a larger part of the city.".into(),
        _ => format!("Nothing here is called “{query}”. Try fewer or other words."),
    },
    did_you_mean: "Did you mean",
    search_failed: "The search could not be loaded, so nothing can be found now.",
    search_failed_offline: "You are offline, and the search had not been loaded before.",
    search_incomplete: "A part of the search index could not be loaded. Something may be missing here.",
    search_loading: "Loading the search…",
    searching: "Searching…",
    narrow_down: "Narrow down",
    browse: "What is here",
    in_view: "In view",
    near_me: "Near me",
    locating: "Asking where you are…",
    not_located: "Where you are could not be found out. The browser’s settings may forbid it.",

    layers: "Layers",
    layers_hint: "What the map shows",
    no_layers: "This city has no layers.",
    labels: "Names",
    look_inside: "Look inside",
    see_through: "See through buildings",
    underground: "See below the ground",
    close: "Close",
    resize_panel: "Make the panel larger or smaller",
    zoom_in: "Zoom in",
    zoom_out: "Zoom out",
    home: "Back to the first view",
    north_up: "Turn north up",
    north_up_from: |heading_deg| format!("Turn north up (heading {heading_deg}°)"),
    camera: "Camera",
    daytime: "Time of day",
    date: "Date",
    time: "Time",
    now: "Now",
    clear_morning: "Clear morning",
    language: "Language",
    attribution: "Sources of the map",

    unnamed: "Unnamed",
    also_called: "Also called",
    position: "Position",
    position_of: |lon_deg, lat_deg| {
        let (ns, ew) = (if lat_deg < 0.0 { "S" } else { "N" }, if lon_deg < 0.0 { "W" } else { "E" });
        format!("{:.5}°\u{a0}{ns}, {:.5}°\u{a0}{ew}", lat_deg.abs(), lon_deg.abs())
    },
    source_id: "Source id",
    look_closer: "Look closer",
    yes: "Yes",
    no: "No",
    no_facts: "Nothing more is known about it.",

    loading_city: |loaded, wanted, bytes| {
        format!(
            "Loading the city: {} of {} parts, {}",
            number::count(loaded),
            number::count(wanted),
            number::megabytes(bytes)
        )
    },
    loading_starts: "Loading the city",
    loading_quarter: |quarter| format!("{} % loaded", u32::from(quarter) * 25),
    loading_done: "The city is loaded",

    restoring_picture: "The graphics were interrupted. The picture is being restored…",
    graphics_gone: "The graphics did not come back.",
    reload: "Load the page anew",
    published_again: "Files are missing that were there before: perhaps the city was published again.",
    empty_city: "This city has nothing to show yet.",
    offline: "You are offline. What is loaded stays on the screen.",
    parts_missing: |count| match count {
        1 => "1 part of the map could not be loaded".into(),
        _ => format!("{} parts of the map could not be loaded", number::count(count as u64)),
    },
    parts_missing_help: "The rest of the map is complete. Trying again often helps; if it does not, the details below \
                         tell the city’s technicians what is wrong.",
    details: "Details",
    try_again: "Try again",
    technical_details: "Technical details",
    more_like_this: |count| format!("and {} more", number::count(count as u64)),

    twin_missing: (
        "There is no city here",
        "The address leads to no twin.json. Check the address, or ask whoever gave it to you.",
    ),
    twin_refused: ("The city could not be opened", |status| {
        format!("The server answered with error {status}. Try again in a moment.")
    }),
    twin_unreachable: ("The city could not be reached", "Check the network, then try again."),
    twin_broken: (
        "The city’s description is damaged",
        "Its twin.json could not be read. Trying again may help; if not, it has to be published again.",
    ),
    twin_format: (
        "The city was published for another version",
        "Its twin.json has a format that this viewer does not read. A newer viewer, or publishing it again, will help.",
    ),
    twin_foreign: (
        "This address is not allowed",
        "For safety, the viewer only opens cities from its own site. Leave out “?twin=…” to open this site’s city.",
    ),
    no_webgl2: (
        "This browser cannot draw in 3D",
        "WebGL2 is not available. Use a current browser, and make sure that hardware acceleration is switched on in \
         its settings. Closing other 3D pages can help too.",
    ),
    no_viewer: (
        "The 3D picture could not be started",
        "Load the page again. If it stays like this, try another browser.",
    ),
};

static ZH: Words = Words {
    digital_twin: "数字孪生",
    opening: "正在打开城市…",
    page_title: |city| format!("{city} · 数字孪生"),
    skip_to_map: "跳到地图",

    map_of: |city| format!("{}三维地图", beside_chinese(city)),
    map_help: "拖动可移动，滚轮或双指捏合可缩放，按住右键或用双指拖动可旋转和倾斜。\
               使用键盘：方向键移动，加号和减号缩放，其余操作可用右下角的按钮完成。\
               所有可点击的对象也可以通过搜索找到。",
    looking: |heading, distance| format!("朝{heading}方向看，距离{distance}。"),
    headings: ["北", "东北", "东", "东南", "南", "西南", "西", "西北"],

    search: "搜索",
    search_in: |city| format!("搜索{}", beside_chinese(city)),
    clear_search: "清除搜索内容",
    results: "搜索结果",
    results_found: |count| format!("{} 条结果", number::count(count as u64)),
    nothing_found: |query| match query {
        "" => "这里没有找到任何地点。请查看更大的范围。".into(),
        _ => format!("没有找到“{query}”。请减少或更换关键词。"),
    },
    did_you_mean: "您要找的是",
    search_failed: "搜索功能未能加载，暂时无法搜索。",
    search_failed_offline: "网络已断开，而搜索数据尚未加载过。",
    search_incomplete: "部分搜索数据未能加载，结果可能不完整。",
    search_loading: "正在加载搜索…",
    searching: "正在搜索…",
    narrow_down: "缩小范围",
    browse: "这里有什么",
    in_view: "当前画面内",
    near_me: "我附近",
    locating: "正在获取您的位置…",
    not_located: "无法获取您的位置。浏览器设置可能不允许。",

    layers: "图层",
    layers_hint: "选择地图显示的内容",
    no_layers: "这座城市没有图层。",
    labels: "地名",
    look_inside: "透视",
    see_through: "透视建筑",
    underground: "查看地下",
    close: "关闭",
    resize_panel: "调整面板大小",
    zoom_in: "放大",
    zoom_out: "缩小",
    home: "回到初始视角",
    north_up: "转到正北朝上",
    north_up_from: |heading_deg| format!("转到正北朝上（当前朝向 {heading_deg}°）"),
    camera: "视角",
    daytime: "光照时间",
    date: "日期",
    time: "时间",
    now: "现在",
    clear_morning: "晴朗上午",
    language: "语言",
    attribution: "地图数据来源",

    unnamed: "未命名",
    also_called: "其他名称",
    position: "位置",
    position_of: |lon_deg, lat_deg| {
        let (ns, ew) = (if lat_deg < 0.0 { "南纬" } else { "北纬" }, if lon_deg < 0.0 { "西经" } else { "东经" });
        format!("{ns}\u{a0}{:.5}°，{ew}\u{a0}{:.5}°", lat_deg.abs(), lon_deg.abs())
    },
    source_id: "来源编号",
    look_closer: "靠近查看",
    yes: "是",
    no: "否",
    no_facts: "暂无更多信息。",

    loading_city: |loaded, wanted, bytes| {
        format!(
            "正在加载城市：已完成 {} / {} 块，{}",
            number::count(loaded),
            number::count(wanted),
            number::megabytes(bytes)
        )
    },
    loading_starts: "正在加载城市",
    loading_quarter: |quarter| format!("已加载 {}%", u32::from(quarter) * 25),
    loading_done: "城市已加载完成",

    restoring_picture: "图形显示中断，正在恢复画面…",
    graphics_gone: "图形显示未能恢复。",
    reload: "重新加载页面",
    published_again: "部分文件已不存在：城市数据可能已重新发布。",
    empty_city: "这座城市还没有可显示的内容。",
    offline: "网络已断开。已加载的内容仍会显示。",
    parts_missing: |count| format!("地图有 {} 处未能加载", number::count(count as u64)),
    parts_missing_help: "地图的其余部分是完整的。通常重试即可；如果仍然不行，下面的详细信息可供城市技术人员查找原因。",
    details: "详细信息",
    try_again: "重试",
    technical_details: "技术信息",
    more_like_this: |count| format!("另有 {} 条", number::count(count as u64)),

    twin_missing: ("这里没有城市", "该地址下没有 twin.json。请检查地址，或询问提供地址的人。"),
    twin_refused: ("城市未能打开", |status| format!("服务器返回错误 {status}。请稍后重试。")),
    twin_unreachable: ("无法连接到城市数据", "请检查网络，然后重试。"),
    twin_broken: ("城市描述文件已损坏", "无法读取其 twin.json。可以重试；如果仍然不行，需要重新发布。"),
    twin_format: (
        "城市数据的版本不匹配",
        "其 twin.json 的格式不受此查看器支持。请使用更新的查看器，或重新发布城市数据。",
    ),
    twin_foreign: ("不允许打开该地址", "为了安全，查看器只打开本站的城市。去掉网址中的“?twin=…”即可打开本站的城市。"),
    no_webgl2: (
        "此浏览器无法绘制三维画面",
        "WebGL2 不可用。请使用新版浏览器，并在设置中开启硬件加速。关闭其他三维网页也可能有帮助。",
    ),
    no_viewer: ("三维画面未能启动", "请重新加载页面。如果仍然不行，请换用其他浏览器。"),
};

/// A name between Chinese words: one in another script gets thin spaces around it, as Chinese is set.
fn beside_chinese(name: &str) -> String {
    if name.chars().all(|c| ('\u{3400}'..='\u{9fff}').contains(&c)) {
        name.to_owned()
    } else {
        format!("\u{2009}{name}\u{2009}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_names_stand_off_from_chinese_words() {
        assert_eq!((ZH.map_of)("赫尔辛基"), "赫尔辛基三维地图");
        assert_eq!((ZH.map_of)("Helsinki"), "\u{2009}Helsinki\u{2009}三维地图");
    }

    #[test]
    fn tags_lead_to_a_language_by_their_first_part() {
        for (tag, expected) in [
            ("en", Some(Lang::En)),
            ("en-GB", Some(Lang::En)),
            ("zh", Some(Lang::Zh)),
            ("zh-Hant-TW", Some(Lang::Zh)),
            ("ZH_cn", Some(Lang::Zh)),
            ("fi", None),
            ("", None),
            ("english", None),
        ] {
            assert_eq!(Lang::from_tag(tag), expected, "{tag}");
        }
        for lang in Lang::ALL {
            assert_eq!(Lang::from_tag(lang.tag()), Some(lang));
            assert_eq!(Lang::from_tag(lang.primary()), Some(lang));
            assert_eq!(lang.other().other(), lang);
            assert_ne!(lang.other(), lang);
        }
    }

    #[test]
    fn counts_agree_with_their_noun() {
        assert_eq!((EN.parts_missing)(1), "1 part of the map could not be loaded");
        assert_eq!((EN.parts_missing)(1203), "1,203 parts of the map could not be loaded");
        assert_eq!((ZH.parts_missing)(3), "地图有 3 处未能加载");
        assert_eq!((EN.results_found)(1), "1 result");
        assert_eq!((EN.results_found)(0), "0 results");
    }

    #[test]
    fn loading_says_how_much_of_how_much() {
        assert_eq!((EN.loading_city)(34, 1200, 1_260_000), "Loading the city: 34 of 1,200 parts, 1.3 MB");
        assert_eq!((ZH.loading_city)(34, 1200, 1_260_000), "正在加载城市：已完成 34 / 1,200 块，1.3 MB");
    }

    #[test]
    fn positions_name_their_hemispheres() {
        assert_eq!((EN.position_of)(24.9414, 60.1713), "60.17130°\u{a0}N, 24.94140°\u{a0}E");
        assert_eq!((EN.position_of)(-58.4, -34.6), "34.60000°\u{a0}S, 58.40000°\u{a0}W");
        assert_eq!((ZH.position_of)(-58.4, 30.28), "北纬\u{a0}30.28000°，西经\u{a0}58.40000°");
    }

    #[test]
    fn units_are_words_in_chinese_and_symbols_in_english() {
        assert_eq!(Lang::Zh.unit("m"), "米");
        assert_eq!(Lang::En.unit("m"), "m");
        assert_eq!(Lang::Zh.unit("dB"), "dB");
    }
}
