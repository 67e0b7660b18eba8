// Eye-dome lighting (Boucheny 2009): points are darker the farther they lie behind the points around them.
uniform highp sampler2D u_points; // depth of all points

float away_of(float depth) {
    float near = u_forward.w;
    float far = u_right.w;
    return 2.0 * near * far / (far + near - (depth * 2.0 - 1.0) * (far - near));
}

float dome() {
    float here = log2(away_of(gl_FragCoord.z));
    float behind = 0.0;
    for (int i = 0; i < 8; i++) {
        float turn = float(i) * 0.785398;
        vec2 px = gl_FragCoord.xy + vec2(cos(turn), sin(turn)) * u_edl.y;
        float depth = texture(u_points, px / u_eye.zw).r;
        // Beside the cloud there is nothing to lie behind of.
        behind += depth < 1.0 ? clamp(here - log2(away_of(depth)), 0.0, 0.02) : 0.0;
    }
    return exp(-behind * 15.0 * u_edl.x);
}
