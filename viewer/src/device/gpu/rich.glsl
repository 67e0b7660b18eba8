// Textures of a primitive: included by both shaders of the programs that draw what needs them.
// Rows of the base colour's texture transform; in w, whether there is such a texture, and the alpha below which
// nothing is drawn (negative: none); rows of the transform of the texture of feature ids; in w, whether there is one,
// and whether light matters not; what each channel of it counts for.
uniform vec4 u_rich[5];
