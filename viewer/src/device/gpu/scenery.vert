// One triangle that covers the canvas, from nothing but the vertex number.
out vec2 v_ndc;

void main() {
    v_ndc = vec2(float(gl_VertexID & 1), float(gl_VertexID >> 1)) * 4.0 - 1.0;
    gl_Position = vec4(v_ndc, 1.0, 1.0);
}
