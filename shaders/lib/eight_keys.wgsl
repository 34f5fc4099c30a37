        // eight_keys: the body of the loops over keys in attention_lanes and
        // attention_pane. It adds the keys m to m+7 to the sums. The kernel sees `held`
        // keys, and key m is number `first` of them.
        let m0 = min(first, held - 1u);
        let m1 = min(first + 1u, held - 1u);
        let m2 = min(first + 2u, held - 1u);
        let m3 = min(first + 3u, held - 1u);
        let m4 = min(first + 4u, held - 1u);
        let m5 = min(first + 5u, held - 1u);
        let m6 = min(first + 6u, held - 1u);
        let m7 = min(first + 7u, held - 1u);
        let k0 = ks + m0 * sizes.k_stride;
        let k1 = ks + m1 * sizes.k_stride;
        let k2 = ks + m2 * sizes.k_stride;
        let k3 = ks + m3 * sizes.k_stride;
        let k4 = ks + m4 * sizes.k_stride;
        let k5 = ks + m5 * sizes.k_stride;
        let k6 = ks + m6 * sizes.k_stride;
        let k7 = ks + m7 * sizes.k_stride;
        var s0 = vec4<f32>(0.0);
        var s1 = vec4<f32>(0.0);
        var s2 = vec4<f32>(0.0);
        var s3 = vec4<f32>(0.0);
        var s4 = vec4<f32>(0.0);
        var s5 = vec4<f32>(0.0);
        var s6 = vec4<f32>(0.0);
        var s7 = vec4<f32>(0.0);
        for (var d = 0u; d < sizes.d; d += 1u) {
            let x = queries[d];
            s0 += k[k0 + d] * x;
            s1 += k[k1 + d] * x;
            s2 += k[k2 + d] * x;
            s3 += k[k3 + d] * x;
            s4 += k[k4 + d] * x;
            s5 += k[k5 + d] * x;
            s6 += k[k6 + d] * x;
            s7 += k[k7 + d] * x;
        }
        if (BIASES > 0u || REL) {
            // The loop begins at a variable. Eight copies of it take a second to compile.
            for (var key = m; key < min(m + 8u, end); key += 1u) {
                let bias = biases(b, h, row, key);
                s0 += select(vec4<f32>(0.0), bias, key == m);
                s1 += select(vec4<f32>(0.0), bias, key == m + 1u);
                s2 += select(vec4<f32>(0.0), bias, key == m + 2u);
                s3 += select(vec4<f32>(0.0), bias, key == m + 3u);
                s4 += select(vec4<f32>(0.0), bias, key == m + 4u);
                s5 += select(vec4<f32>(0.0), bias, key == m + 5u);
                s6 += select(vec4<f32>(0.0), bias, key == m + 6u);
                s7 += select(vec4<f32>(0.0), bias, key == m + 7u);
            }
        }
        s0 = seen(s0, m, count);
        s1 = seen(s1, m + 1u, count);
        s2 = seen(s2, m + 2u, count);
        s3 = seen(s3, m + 3u, count);
        s4 = seen(s4, m + 4u, count);
        s5 = seen(s5, m + 5u, count);
        s6 = seen(s6, m + 6u, count);
        s7 = seen(s7, m + 7u, count);
        let before = largest;
        largest = max(largest, max(max(max(s0, s1), max(s2, s3)), max(max(s4, s5), max(s6, s7))));
        let shrink = exp(before - largest);
        let p0 = weights(s0, largest, m, count);
        let p1 = weights(s1, largest, m + 1u, count);
        let p2 = weights(s2, largest, m + 2u, count);
        let p3 = weights(s3, largest, m + 3u, count);
        let p4 = weights(s4, largest, m + 4u, count);
        let p5 = weights(s5, largest, m + 5u, count);
        let p6 = weights(s6, largest, m + 6u, count);
        let p7 = weights(s7, largest, m + 7u, count);
        total = total * shrink + (((p0 + p1) + (p2 + p3)) + ((p4 + p5) + (p6 + p7)));
        let v0 = vs + m0 * sizes.v_stride;
        let v1 = vs + m1 * sizes.v_stride;
        let v2 = vs + m2 * sizes.v_stride;
        let v3 = vs + m3 * sizes.v_stride;
        let v4 = vs + m4 * sizes.v_stride;
        let v5 = vs + m5 * sizes.v_stride;
        let v6 = vs + m6 * sizes.v_stride;
        let v7 = vs + m7 * sizes.v_stride;
        for (var d = 0u; d < sizes.dv; d += 1u) {
            var sum = sums[d];
            sum = mat4x4<f32>(sum[0] * shrink.x, sum[1] * shrink.y, sum[2] * shrink.z, sum[3] * shrink.w);
            sum += outer(v[v0 + d], p0);
            sum += outer(v[v1 + d], p1);
            sum += outer(v[v2 + d], p2);
            sum += outer(v[v3 + d], p3);
            sum += outer(v[v4 + d], p4);
            sum += outer(v[v5 + d], p5);
            sum += outer(v[v6 + d], p6);
            sum += outer(v[v7 + d], p7);
            sums[d] = sum;
        }
