// Copies a frame that was drawn beside the canvas, pixel by pixel.
uniform sampler2D u_frame;
in vec2 v_ndc;
layout(location = 0) out vec4 o_color;

void main() {
    o_color = texelFetch(u_frame, ivec2(gl_FragCoord.xy), 0);
}
