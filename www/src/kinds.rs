//! Words for kinds of places that a manifest's layers do not name: shops, offices and other things that can be found
//! but have no shape of their own on the map. Ids are OpenStreetMap's values.

use crate::words::Lang;

/// The words for a kind of place, if the shell knows it.
pub fn words(kind: &str, lang: Lang) -> Option<&'static str> {
    let row = KINDS.binary_search_by(|row| row.0.cmp(kind)).ok().map(|at| &KINDS[at])?;
    Some(match lang {
        Lang::En => row.1,
        Lang::Zh => row.2,
    })
}

/// Id, English, Chinese; sorted by id.
#[rustfmt::skip]
const KINDS: &[(&str, &str, &str)] = &[
    ("address", "Address", "地址"),
    ("alcohol", "Wine and spirits", "酒类商店"),
    ("antiques", "Antiques", "古董店"),
    ("art", "Art shop", "艺术品店"),
    ("artwork", "Artwork", "艺术作品"),
    ("association", "Association", "协会"),
    ("atm", "Cash machine", "自动取款机"),
    ("bakery", "Bakery", "面包店"),
    ("bank", "Bank", "银行"),
    ("bar", "Bar", "酒吧"),
    ("beauty", "Beauty salon", "美容店"),
    ("bicycle", "Bicycle shop", "自行车店"),
    ("bicycle_rental", "Bicycle rental", "自行车租赁点"),
    ("books", "Bookshop", "书店"),
    ("building", "Building", "建筑"),
    ("bureau_de_change", "Currency exchange", "货币兑换处"),
    ("bus_stop", "Bus stop", "公交站"),
    ("cafe", "Café", "咖啡馆"),
    ("cinema", "Cinema", "电影院"),
    ("city_block", "City block", "街区"),
    ("clothes", "Clothes shop", "服装店"),
    ("company", "Company", "公司"),
    ("convenience", "Convenience store", "便利店"),
    ("cosmetics", "Cosmetics", "化妆品店"),
    ("deli", "Delicatessen", "熟食店"),
    ("dentist", "Dentist", "牙科诊所"),
    ("department_store", "Department store", "百货商店"),
    ("embassy", "Embassy", "使馆"),
    ("fast_food", "Fast food", "快餐店"),
    ("florist", "Florist", "花店"),
    ("furniture", "Furniture shop", "家具店"),
    ("gallery", "Gallery", "画廊"),
    ("gift", "Gift shop", "礼品店"),
    ("hairdresser", "Hairdresser", "理发店"),
    ("hospital", "Hospital", "医院"),
    ("hotel", "Hotel", "酒店"),
    ("interior_decoration", "Interior decoration", "室内装饰店"),
    ("jewelry", "Jeweller", "珠宝店"),
    ("lawyer", "Law office", "律师事务所"),
    ("level_crossing", "Level crossing", "铁路道口"),
    ("library", "Library", "图书馆"),
    ("mall", "Shopping centre", "购物中心"),
    ("memorial", "Memorial", "纪念碑"),
    ("mobile_phone", "Phone shop", "手机店"),
    ("museum", "Museum", "博物馆"),
    ("ngo", "Non-governmental organisation", "非政府组织"),
    ("nightclub", "Nightclub", "夜总会"),
    ("office", "Office", "办公室"),
    ("optician", "Optician", "眼镜店"),
    ("outdoor", "Outdoor shop", "户外用品店"),
    ("park", "Park", "公园"),
    ("parking", "Car park", "停车场"),
    ("pharmacy", "Pharmacy", "药店"),
    ("place_of_worship", "Place of worship", "宗教场所"),
    ("platform", "Platform", "站台"),
    ("police", "Police", "警察局"),
    ("post_office", "Post office", "邮局"),
    ("pub", "Pub", "酒馆"),
    ("restaurant", "Restaurant", "餐厅"),
    ("school", "School", "学校"),
    ("shoes", "Shoe shop", "鞋店"),
    ("shop", "Shop", "商店"),
    ("sports", "Sports shop", "体育用品店"),
    ("sports_centre", "Sports centre", "体育中心"),
    ("station", "Station", "车站"),
    ("stop_position", "Stop", "停靠点"),
    ("street", "Street", "街道"),
    ("suburb", "District", "城区"),
    ("subway_entrance", "Metro entrance", "地铁出入口"),
    ("supermarket", "Supermarket", "超市"),
    ("theatre", "Theatre", "剧院"),
    ("toys", "Toy shop", "玩具店"),
    ("tram_stop", "Tram stop", "电车站"),
    ("travel_agency", "Travel agency", "旅行社"),
    ("university", "University", "大学"),
    ("variety_store", "Variety store", "杂货店"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_sorted_so_that_each_is_found() {
        assert!(KINDS.is_sorted_by(|a, b| a.0 < b.0));
        for (id, english, chinese) in KINDS {
            assert_eq!(words(id, Lang::En), Some(*english));
            assert_eq!(words(id, Lang::Zh), Some(*chinese));
            assert!(!chinese.is_ascii(), "{id} is not translated");
        }
        assert_eq!(words("carpet", Lang::En), None);
        assert_eq!(words("", Lang::Zh), None);
    }
}
