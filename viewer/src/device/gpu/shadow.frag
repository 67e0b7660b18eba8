// Shadows on the ground: what a factor leaves of the colours there.
uniform vec2 u_fog; // metres: begin, end

in vec3 v_rel;
layout(location = 0) out vec4 o_color;

void main() {
    float fade = 1.0 - smoothstep(0.25 * u_fog.y, 0.75 * u_fog.y, length(v_rel));
    o_color = vec4(mix(vec3(1.0), vec3(0.715, 0.745, 0.805), fade), 1.0);
}
