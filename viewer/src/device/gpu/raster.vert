// A tile of a picture of the ground.
layout(location = 0) in vec3 a_position; // metres from the tile's centre, ECEF axes
layout(location = 1) in vec2 a_uv;

uniform vec4 u_rows[3]; // of rel_from_tile

out vec3 v_rel;
out vec2 v_uv;

void main() {
    vec4 local = vec4(a_position, 1.0);
    v_rel = vec3(dot(u_rows[0], local), dot(u_rows[1], local), dot(u_rows[2], local));
    v_uv = a_uv;
    gl_Position = u_clip_from_rel * vec4(v_rel, 1.0);
    gl_Position.z = 0.0; // drawn without depth, and not cut where the twin ends
}
