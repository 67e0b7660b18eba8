// The depth of round points, nothing else.
void main() {
#ifdef CUT
    if (is_away()) discard;
#endif
    vec2 from_center = gl_PointCoord * 2.0 - 1.0;
    if (dot(from_center, from_center) > 1.0) discard;
}
