// A tile of a terrain, for a picture that lies on it.
layout(location = 0) in vec3 a_position;
layout(location = 1) in vec3 a_normal;
layout(location = 7) in vec2 a_share; // of the tile in Web Mercator, from its south-western corner

uniform vec4 u_rows[3]; // of rel_from_local; turns, moves, and scales alike in all directions
uniform vec4 u_part;    // scale and offset to shares of the picture

out vec3 v_rel;
out vec3 v_normal;
// Where a tile ends within a pixel, the pixel's middle lies beyond its picture.
centroid out vec2 v_uv;

void main() {
    vec4 local = vec4(a_position, 1.0);
    v_rel = vec3(dot(u_rows[0], local), dot(u_rows[1], local), dot(u_rows[2], local));
    v_normal = vec3(dot(u_rows[0].xyz, a_normal), dot(u_rows[1].xyz, a_normal), dot(u_rows[2].xyz, a_normal));
    vec2 share = a_share * u_part.xy + u_part.zw;
    v_uv = vec2(share.x, 1.0 - share.y);
    gl_Position = u_clip_from_rel * vec4(v_rel, 1.0);
}
