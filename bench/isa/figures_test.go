package main

import (
	"strings"
	"testing"
)

// listing is a loop over K of a product in the driver's form. The loop loads, multiplies
// in an inner loop, and waits for the load.
const listing = `Compute Shader
disasm:
BB0:
	s_mov_b64 s[0:1], exec                    ; be80047e
	s_nop 0                                   ; bf800000
	(then repeated 7 times)
BB1:
	buffer_load_dwordx4 v[4:7], v1, s[4:7], 0 offen ; e0501000 80010401
BB2:
	ds_read_b128 v[8:11], v2                  ; dbfc0000 08000002
	v_min_u32_e32 v3, 31, v3                  ; 2606069f
	s_waitcnt lgkmcnt(0)                      ; bf8cc07f
	v_fmac_f32_e32 v12, v8, v9                ; 56181308
	v_fma_f32 v13, v8, v10, v13               ; d54b000d 0436150a
	v_dual_fmac_f32 v14, v8, v11 :: v_dual_mov_b32 v15, v11 ; c8100308
	s_cbranch_scc0 BB2                        ; bf84fff0
BB3:
	s_waitcnt vmcnt(0)                        ; bf8c3f70
	ds_write_b128 v2, v[4:7]                  ; db7c0000 00000402
	v_add_nc_u32_e32 v1, 0x800, v1            ; 4a0202ff 00000800
	s_cbranch_scc1 BB1                        ; bf85ffe0
BB4:
	s_endpgm                                  ; bf810000

*** SHADER STATS ***
SGPRs: 128
VGPRs: 120
Spilled SGPRs: 1
Spilled VGPRs: 2
Code size: 3668
LDS size: 13312
Scratch size: 0
Subgroups per SIMD: 8
Latency: 48146
Inverse Throughput: 22306
VOPD: 0
`

// TestFigures reads a listing whose figures are known.
func TestFigures(t *testing.T) {
	f, code, err := readFigures(listing)
	if err != nil {
		t.Fatal(err)
	}
	want := figures{
		VGPRs: 120, Spills: 3, Memory: 13312, Wave: 64, Waves: 4, Latency: 48146, Throughput: 22306, Code: 3668, InFlight: 3, FMAs: 96,
		Hot: mix{All: 7, FMA: 3, Vector: 5, Clamps: 1, Moves: 1, LocalReads: 1, LocalReads128: 1, Waits: 1, Branches: 1},
	}
	if f != want {
		t.Errorf("got  %+v\nwant %+v", f, want)
	}
	if len(code) != 15 {
		t.Errorf("%d instructions, want 15", len(code))
	}
	if _, _, err := readFigures(strings.Replace(listing, "Latency", "Delay", 1)); err == nil || !strings.Contains(err.Error(), "Latency") {
		t.Errorf("without a latency: error %v", err)
	}
}

// TestCheck holds a kernel against bounds: the last that fits counts, and only for its
// chip.
func TestCheck(t *testing.T) {
	f, code, err := readFigures(listing)
	if err != nil {
		t.Fatal(err)
	}
	f.Spills = 0
	k := kernel{use{Name: "linear_tiled-split", Share: map[string]float64{"unet": 0.5}, Workgroup: 16}, f, code}
	chips := []chip{{Name: "navi21", Kernels: []kernel{k}}}
	var b strings.Builder
	err = check(&b, chips, []bound{
		{"navi21", "linear_*", "fma", 92}, {"navi21", "*", "waves", 9}, {"navi21", "linear_*", "waves", 4},
		{"vega10", "*", "clamps", 0}, {"navi21", "conv2d_*", "clamps", 0},
	})
	const want = "navi21: linear_tiled-split: a workgroup has 16 invocations, want 32 or more\n" +
		"navi21: linear_tiled-split: fma 60, want 92 or more\n"
	if b.String() != want || err == nil {
		t.Errorf("error %v, text %q, want %q", err, b.String(), want)
	}
}

// TestNamed makes a kernel of a file and constants.
func TestNamed(t *testing.T) {
	all, err := named("linear_tiled_vec4,TILE_M=128,REG_M=8,REG_N=8,TRANS_B=true")
	if err != nil {
		t.Fatal(err)
	}
	if u := all[0]; u.Name != "linear_tiled_vec4-tile_m_128-reg_m_8-trans_b" || u.Workgroup != 128 || len(u.access) != 6 {
		t.Errorf("%s with %d invocations and %d bindings", u.Name, u.Workgroup, len(u.access))
	}
	if _, err := named("linear_tiled_vec4,TILE_Q=1"); err == nil {
		t.Error("no error for a constant that the file lacks")
	}
}
