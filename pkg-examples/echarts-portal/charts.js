// The charts: ECharts on canvases, so that a strict Content-Security-Policy finds no inline style to forbid.
import * as echarts from "./node_modules/echarts/dist/echarts.esm.min.mjs";
import { GROUPS } from "./groups.js";

const INK = "#dcecff";
const SOFT = "#9db4cf";
const LINE = "rgba(120, 170, 230, 0.18)";
const FONT = 'system-ui, "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "Noto Sans SC", "Noto Sans CJK SC", sans-serif';
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;

function chart(id, option, onClick) {
  const element = document.getElementById(id);
  const made = echarts.init(element, null, { renderer: "canvas" });
  made.setOption({ textStyle: { fontFamily: FONT, color: INK }, animation: !still, ...option });
  if (onClick) made.on("click", ({ data }) => onClick(data));
  new ResizeObserver(() => made.resize()).observe(element);
  return made;
}

/** Bars from the left, the longest on top; `rows` are { name, value, color?, … }. */
export function bars(id, rows, onClick) {
  const upwards = [...rows].reverse();
  return chart(id, {
    grid: { left: 4, right: 44, top: 4, bottom: 0, containLabel: true },
    xAxis: { type: "value", show: false },
    yAxis: {
      type: "category", data: upwards.map(({ name }) => name), axisTick: { show: false }, axisLine: { show: false },
      axisLabel: { color: INK, fontSize: 13, width: 128, overflow: "truncate" },
    },
    series: [{
      type: "bar", barWidth: "52%", cursor: onClick ? "pointer" : "default",
      showBackground: true, backgroundStyle: { color: "rgba(120, 170, 230, 0.08)", borderRadius: 4 },
      label: { show: true, position: "right", color: INK, fontSize: 13, formatter: ({ value }) => value.toLocaleString("zh-CN") },
      data: upwards.map((row) => ({ ...row, itemStyle: { borderRadius: 4, color: fade(row.color ?? "#38a8ff") } })),
    }],
  }, onClick);
}

function fade(color) {
  return new echarts.graphic.LinearGradient(0, 0, 1, 0, [{ offset: 0, color: `${color}55` }, { offset: 1, color }]);
}

/** Parts of a whole; `rows` are { name, value, … }. */
export function ring(id, rows, onClick) {
  const total = rows.reduce((sum, { value }) => sum + value, 0);
  const colors = ["#ffb454", "#ffd58a", "#ff9d6e", "#ff7f9f", "#c99bff", "#8fb8ff", "#6fd6e8"];
  return chart(id, {
    color: colors,
    title: {
      text: total.toLocaleString("zh-CN"), subtext: "家", left: "31%", top: "center", textAlign: "center", itemGap: 0,
      textStyle: { color: INK, fontSize: 24, fontFamily: FONT }, subtextStyle: { color: SOFT, fontSize: 13, fontFamily: FONT },
    },
    legend: {
      orient: "vertical", left: "66%", top: "middle", itemWidth: 10, itemHeight: 10, itemGap: 7, icon: "circle",
      textStyle: { color: INK, fontSize: 13 }, selectedMode: false,
      formatter: (name) => `${name}  ${rows.find((row) => row.name === name).value}`,
    },
    series: [{
      type: "pie", radius: ["54%", "78%"], center: ["32%", "50%"], label: { show: false }, padAngle: 2,
      itemStyle: { borderRadius: 4 }, data: rows, emphasis: { scaleSize: 4 }, cursor: onClick ? "pointer" : "default",
    }],
  }, onClick);
}

/** How much of each group is within a walk, beside how much there is in the whole city centre, in percent. */
export function circle(id) {
  const made = chart(id, {
    radar: {
      indicator: GROUPS.map(({ title }) => ({ name: title, max: 100 })), radius: "60%", center: ["50%", "52%"], splitNumber: 4,
      axisName: { color: INK, fontSize: 12 }, axisNameGap: 8, splitLine: { lineStyle: { color: LINE } }, axisLine: { lineStyle: { color: LINE } },
      splitArea: { areaStyle: { color: ["rgba(56, 168, 255, 0.04)", "rgba(56, 168, 255, 0.09)"] } },
    },
    series: [{ type: "radar", data: [] }],
  });
  return (counts, totals) => {
    const shares = GROUPS.map((_, i) => Math.round((100 * counts[i]) / Math.max(1, totals[i])));
    made.setOption({
      radar: { indicator: GROUPS.map(({ title }, i) => ({ name: `${title} ${counts[i]}`, max: 100 })) },
      series: [{
        type: "radar", symbolSize: 5,
        data: [{ value: shares, lineStyle: { color: "#38d6ff", width: 2 }, itemStyle: { color: "#38d6ff" }, areaStyle: { color: "rgba(56, 214, 255, 0.28)" } }],
      }],
    });
  };
}
