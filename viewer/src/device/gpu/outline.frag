// The edge of what is selected, from a mask of it.
uniform sampler2D u_mask;        // how much of a pixel is selected
uniform highp sampler2D u_depth; // where it is
uniform vec3 u_outline;          // width (px), opacity of the edge, opacity of the whole

layout(location = 0) out vec4 o_color;

const vec3 ACCENT = vec3(0.0431, 0.4235, 1.0); // #0b6cff, as the screen takes it

void main() {
    ivec2 last = textureSize(u_mask, 0) - 1;
    // A coarse level of the mask tells that there is nothing near.
    float coarse = u_outline.x > 3.0 ? 4.0 : 3.0;
    if (textureLod(u_mask, gl_FragCoord.xy / vec2(last + 1), coarse).r <= 0.0) discard;
    ivec2 at = ivec2(gl_FragCoord.xy);
    float inside = texelFetch(u_mask, at, 0).r;
    float edge = 0.0;
    float nearest = 1.0;
    float farthest = 0.0;
    int reach = int(ceil(u_outline.x));
    for (int y = -reach; y <= reach; y++) {
        for (int x = -reach; x <= reach; x++) {
            ivec2 there = clamp(at + ivec2(x, y), ivec2(0), last);
            float covered = texelFetch(u_mask, there, 0).r;
            float part = covered * clamp(u_outline.x + 1.0 - length(vec2(x, y)), 0.0, 1.0);
            edge = max(edge, part);
            float depth = texelFetch(u_depth, there, 0).r;
            if (part > 0.0 && depth < 1.0) {
                nearest = min(nearest, depth);
                farthest = max(farthest, depth);
            }
        }
    }
    float alpha = max(edge * (1.0 - inside) * u_outline.y, inside * u_outline.z);
    if (alpha <= 0.0) discard;
    // Beside a wall that goes on beyond what is selected, the edge lies in the wall's plane: as much nearer as the
    // selected part of it is deep, at most by a hundredth of the distance.
    float own = texelFetch(u_depth, at, 0).r;
    float slope = min(max(farthest - nearest, 0.0), 0.01 * (1.0 - nearest));
    gl_FragDepth = inside > 0.5 && own < 1.0 ? own : nearest - slope;
    o_color = vec4(ACCENT, alpha);
}
