// Edges of boxes around tiles.
layout(location = 0) in vec3 a_rel;   // from the eye, metres
layout(location = 1) in vec4 a_color; // as displayed

out vec4 v_color;

void main() {
    v_color = a_color;
    gl_Position = u_clip_from_rel * vec4(a_rel, 1.0);
    // Near and far planes are those of what is drawn; boxes reach further.
    if (gl_Position.w > 0.0) {
        gl_Position.z = clamp(gl_Position.z, -gl_Position.w, gl_Position.w);
    }
}
