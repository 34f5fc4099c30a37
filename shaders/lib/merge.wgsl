// merged joins an element with an update; MERGE is 1 add, 2 mul, 3 max, 4 min.
fn merged(a: f32, b: f32) -> f32 {
    if (MERGE == 1u) {
        return a + b;
    }
    if (MERGE == 2u) {
        return a * b;
    }
    if (MERGE == 3u) {
        return max(a, b);
    }
    return min(a, b);
}
