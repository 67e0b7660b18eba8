uniform sampler2D u_atlas; // red: the name, green: its halo
uniform vec3 u_halo;       // as displayed

in vec2 v_at;
flat in vec4 v_color;
layout(location = 0) out vec4 o_color;

void main() {
    vec2 cover = texture(u_atlas, v_at).rg;
    o_color = vec4(mix(u_halo, v_color.rgb, cover.r), max(cover.r, cover.g * 0.92) * v_color.a);
}
