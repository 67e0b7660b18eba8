layout(location = 0) out vec4 o_color;

void main() {
    o_color = vec4(0.0); // colours are masked: only the depth test counts
}
