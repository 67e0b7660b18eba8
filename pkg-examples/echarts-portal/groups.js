// Which categories of assets (values of OpenStreetMap) make which group of city services.

export const GROUPS = [
  {
    id: "food", title: "餐饮", color: "#ffb454",
    categories: ["restaurant", "cafe", "fast_food", "pub", "bar", "nightclub", "food_court", "bakery", "confectionery", "deli", "tea"],
  },
  {
    id: "shops", title: "购物", color: "#ff7f9f",
    categories: [
      "shop", "clothes", "jewelry", "shoes", "furniture", "kiosk", "convenience", "supermarket", "art", "books", "sports",
      "alcohol", "interior_decoration", "gift", "mobile_phone", "antiques", "toys", "cosmetics", "outdoor", "carpet",
      "bicycle", "variety_store", "musical_instrument", "baby_goods", "electronics", "florist", "optician", "Store",
    ],
  },
  {
    id: "transit", title: "公共交通", color: "#38d6ff",
    categories: ["stop", "tram_stop", "subway_entrance", "station", "bus_station", "ferry_terminal", "bicycle_rental", "taxi"],
  },
  {
    id: "culture", title: "文化", color: "#b69cff",
    categories: ["artwork", "memorial", "museum", "gallery", "theatre", "library", "cinema", "community_centre", "events_venue", "place_of_worship"],
  },
  {
    id: "office", title: "办公", color: "#7fa8d9",
    categories: ["company", "ngo", "lawyer", "association", "office", "commercial", "estate_agent", "financial", "it", "travel_agency"],
  },
  {
    id: "public", title: "公共服务", color: "#5ee6a8",
    categories: [
      "government", "embassy", "bank", "atm", "post_office", "school", "driving_school", "pharmacy", "doctors", "dentist",
      "clinic", "social_facility", "police", "public_building",
    ],
  },
  { id: "stay", title: "住宿", color: "#f2e36b", categories: ["hotel", "hostel"] },
  { id: "green", title: "公园广场", color: "#8fd14f", categories: ["park", "plaza", "pitch", "playground"] },
];

/** The figures at the top: of these groups, or of these categories. */
export const KPIS = [
  { id: "all", title: "城市对象", unit: "个" },
  { id: "street", title: "道路街巷", unit: "条", categories: ["street"] },
  { id: "address", title: "门牌地址", unit: "处", categories: ["address"] },
  { id: "transit", title: "公交站点", unit: "处", categories: GROUPS[2].categories },
  { id: "trade", title: "商业网点", unit: "家", categories: [...GROUPS[0].categories, ...GROUPS[1].categories] },
  { id: "culture", title: "文化设施", unit: "处", categories: GROUPS[3].categories },
];
