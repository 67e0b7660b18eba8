import { CityTwin } from "./node_modules/citytwin/dist/index.js";

const twin = await CityTwin.create("#city", { twin: "twin/twin.json" });
twin.on("click", (hit) => {
  document.title = hit ? String(hit.properties.name ?? hit.properties.class) : "A city on a page";
});
