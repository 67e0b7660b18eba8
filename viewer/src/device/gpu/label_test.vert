// A point where a label stands, a little nearer than that: is anything before it?
layout(location = 0) in vec4 a_place; // in rel, metres

void main() {
    vec3 rel = a_place.xyz;
    float away = length(rel);
    gl_Position = u_clip_from_rel * vec4(rel * (1.0 - min(0.5, 0.01 + 2.5 / max(away, 1.0))), 1.0);
    gl_PointSize = 3.0;
}
