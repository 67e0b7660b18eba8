// What is under a pixel: number of the draw, feature, distance.
uniform vec4 u_draw[5];

in vec3 v_rel;
flat in uint v_feature;
layout(location = 0) out uvec4 o_pick;

void main() {
    o_pick = uvec4(uint(u_draw[4].w + 0.5), v_feature, floatBitsToUint(length(v_rel)), 0u);
}
