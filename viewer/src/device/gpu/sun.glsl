// Clear mid-morning sun from the south-east, 48° high; axes east, north, up.
const vec3 SUN = vec3(0.4731, -0.4731, 0.7431);
