package zoo

import (
	"reflect"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

func newSAM(name string) *models.SAM {
	c, err := models.SAMNamed(name)
	if err != nil {
		panic(err)
	}
	return models.NewSAM(c)
}

func samLayout(name string) layout { return layout{model: func() any { return newSAM(name) }} }

// TestSAMSizes checks that the shapes of a checkpoint tell which SAM it is, in
// both layouts.
func TestSAMSizes(t *testing.T) {
	manifests := readManifests(t)
	for _, file := range []string{"sam_vit_b", "sam_vit_l", "sam_vit_h", "hf_sam_vit_b", "hf_sam_vit_l", "hf_sam_vit_h"} {
		got, err := models.SAMConfigOf(manifests[file])
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		_, name, _ := strings.Cut(file, "sam_")
		want, err := models.SAMNamed(name)
		if err != nil {
			t.Fatal(err)
		}
		if want, got = want.Defaults(), got.Defaults(); !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %+v, want %+v", file, got, want)
		}
	}
	src := weights.Map{"conv1.weight": tensor.New(64, 3, 7, 7)}
	if _, err := models.LoadSAM(src, 0); err == nil || !strings.Contains(err.Error(), "not a checkpoint of SAM") {
		t.Errorf("error is %v", err)
	}
}
