// Names on the map: one instance each, a rectangle on the screen.
layout(location = 0) in vec4 a_area;   // centre and half size, pixels from the top left corner
layout(location = 1) in vec4 a_turn;   // unit direction of writing; opacity
layout(location = 2) in vec4 a_room;   // corners in the atlas, texels
layout(location = 3) in vec4 a_color;  // as displayed

uniform sampler2D u_atlas;
uniform vec2 u_size; // of the canvas, pixels

out vec2 v_at;
flat out vec4 v_color;

void main() {
    vec2 corner = vec2(float(gl_VertexID & 1), float(gl_VertexID >> 1)) * 2.0 - 1.0;
    vec2 along = a_turn.xy;
    vec2 across = vec2(-along.y, along.x);
    vec2 at = a_area.xy + along * (corner.x * a_area.z) + across * (corner.y * a_area.w);
    v_at = mix(a_room.xy, a_room.zw, corner * 0.5 + 0.5) / vec2(textureSize(u_atlas, 0));
    v_color = vec4(a_color.rgb, a_turn.z);
    gl_Position = vec4(at / u_size * vec2(2.0, -2.0) + vec2(-1.0, 1.0), 0.0, 1.0);
}
