// Package zoo lists models by name and opens them.
//
// Lookup finds a Model: its network, its Task, its preprocessing, and the Files with
// its published weights. Open opens a model by its name, or by a checkpoint in any
// layout that its authors or others use; configs beside the checkpoint say what it does
// not tell. Identify finds the model that a checkpoint belongs to, which may be one of a
// family with other sizes than those in the list.
//
// Package vision runs these models; start there, as the example classify does.
package zoo

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/weights"
)

// Model is a model of the registry.
type Model struct {
	Name       string
	Task       Task
	Paper      string
	Size       int        // usual height and width of the input
	Channels   int        // of the input
	Input      string     // describes the input's numbers
	Preprocess Preprocess // of pictures, as in training

	// Files lists published checkpoints, the usual one first. Each has all weights.
	Files   []File
	Weights func() (weights.Source, error) // built-in weights; may be nil
	Terms   string                         // of Weights, as in File

	// Labels returns the names of the classes. It is nil if they are unknown or
	// ImageNet's.
	Labels func() []string

	New func() models.Network // makes the network without weights

	layout     weightsLayout // of Files
	identified bool          // Identify found it; its name says nothing
}

// Models lists the models, in alphabetical order.
func Models() []Model { return slices.Clone(registry) }

var registry = []Model{
	alexNetModel,
	cifarResNetModel(110, 0, "1d1ed7c2"),
	cifarResNetModel(20, 1_099_231, "12fca82f0bebc4135bf1f32f6e3710e61d5108578464b84fd6d7f5c1b04036c8"),
	cifarResNetModel(32, 0, "d509ac18"),
	cifarResNetModel(44, 0, "014dd654"),
	cifarResNetModel(56, 3_471_733, "4bfd97631478d6b638d2764fd2baff3edb1d7d82252d54439343b6596b9b5367"),
	clipModel("RN101", "RN101.pt", 291_791_292, "8fa8567bab74a42d41c5915025a8e4538c3bdbe8804a470a72f30b0d94fab599"),
	clipModel("RN50", "RN50.pt", 255_827_503, "afeb0e10f9e5a86da6080e35cf09123aca3b358a0c3e3b6c78a7b63bc04b6762"),
	clipModel("RN50x16", "RN50x16.pt", 661_125_706, "52378b407f34354e150460fe41077663dd5b39c54cd0bfd2b27167a4a06ec9aa"),
	clipModel("RN50x4", "RN50x4.pt", 421_854_225, "7e526bd135e493cef0776de27d5f42653e6b4c8bf9e0f653bb11773263205fdd"),
	clipModel("RN50x64", "RN50x64.pt", 1_353_500_174, "be1cfb55d75a9666199fb2206c106743da0f6468c9d327f3e0d0a543a9919d9c"),
	clipModel("ViT-B/16", "ViT-B-16.pt", 350_837_078, "5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f"),
	clipModel("ViT-B/32", "ViT-B-32.pt", 353_976_522, "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af"),
	clipModel("ViT-L/14", "ViT-L-14.pt", 932_768_134, "b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836"),
	clipModel("ViT-L/14@336px", "ViT-L-14-336px.pt", 934_088_680, "3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02"),
	espcnModel(2),
	espcnModel(3),
	espcnModel(4),
	googLeNetModel("googlenet", true),
	googLeNetModel("googlenet_noaux", false),
	lenetModel,
	lenet5Model,
	lenet5ConvModel,
	lenet5D2LModel,
	lenet5RGBModel,
	maeFinetunedModel("base", "1b25e9"),
	maeFinetunedModel("huge", "2541f2"),
	maeFinetunedModel("large", "51f550"),
	maeModel("base", huggingFace("facebook/vit-mae-base", "Apache-2.0")),
	maeEncoderModel("base", "8cad7c"),
	maeModel("huge", huggingFace("facebook/vit-mae-huge", "Apache-2.0")),
	maeEncoderModel("huge", "9bdbb0"),
	maeModel("large", maeFile("visualize/mae_visualize_vit_large.pth", ""), maeFile("visualize/mae_visualize_vit_large_ganloss.pth", "")),
	maeEncoderModel("large", "b8b06e"),
	srvggModel("realesr_animevideov3", 16, File{URL: "realesr-animevideov3.pth", Bytes: 2_504_012, SHA256: "b8a8376811077954d82ca3fcf476f1ac3da3e8a68a4f4d71363008000a18b75d"}),
	srvggModel("realesr_general_wdn_x4v3", 32, File{URL: "realesr-general-wdn-x4v3.pth", Bytes: 4_885_111, SHA256: "1641f8c4464b9f097c9fdda5589273713f67cf59f3d909e0bd688f0cee269dca"}),
	srvggModel("realesr_general_x4v3", 32, File{URL: "realesr-general-x4v3.pth", Bytes: 4_885_111, SHA256: "8dc7edb9ac80ccdc30c3a5dca6616509367f05fbc184ad95b731f05bece96292"}),
	resNetModel("resnet101", 256, "63fe2227"),
	resNetModel("resnet101_v2", 232, "cd907fc2"),
	resNetModel("resnet152", 256, "394f9c45"),
	resNetModel("resnet152_v2", 232, "f82ba261"),
	resNetModel("resnet18", 256, "f37072fd"),
	resNetModel("resnet34", 256, "b627a593"),
	resNetModel("resnet50", 256, "0676ba61"),
	resNetModel("resnet50_v2", 232, "11ad3fa6"),
	resNetModel("resnext101_32x8d", 256, "8ba56ff5"),
	resNetModel("resnext101_32x8d_v2", 232, "110c445d"),
	resNetModel("resnext101_64x4d", 232, "173b62eb"),
	resNetModel("resnext50_32x4d", 256, "7cdf4587"),
	resNetModel("resnext50_32x4d_v2", 232, "1a0047aa"),
	samModel("vit_b", "sam_vit_b_01ec64.pth", 375_042_383, "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912"),
	samModel("vit_h", "sam_vit_h_4b8939.pth", 2_564_550_879, "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e"),
	samModel("vit_l", "sam_vit_l_0b3195.pth", 1_249_524_607, "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622"),
	torchvisionSwinModel("base", false, 238, "68c6b09e"),
	swinModel("v1.0.0", "swin_base_patch4_window12_384"),
	swinModel("v1.0.0", "swin_base_patch4_window12_384_22k"),
	swinModel("v1.0.0", "swin_base_patch4_window12_384_22kto1k"),
	swinModel("v1.0.0", "swin_base_patch4_window7_224"),
	swinModel("v1.0.0", "swin_base_patch4_window7_224_22k"),
	swinModel("v1.0.0", "swin_base_patch4_window7_224_22kto1k"),
	swinModel("v1.0.0", "swin_large_patch4_window12_384_22k"),
	swinModel("v1.0.0", "swin_large_patch4_window12_384_22kto1k"),
	swinModel("v1.0.0", "swin_large_patch4_window7_224_22k"),
	swinModel("v1.0.0", "swin_large_patch4_window7_224_22kto1k"),
	torchvisionSwinModel("small", false, 246, "5e29d889"),
	swinModel("v1.0.0", "swin_small_patch4_window7_224"),
	swinModel("v1.0.8", "swin_small_patch4_window7_224_22k"),
	swinModel("v1.0.8", "swin_small_patch4_window7_224_22kto1k_finetune"),
	torchvisionSwinModel("tiny", false, 232, "704ceda3"),
	swinModel("v1.0.0", "swin_tiny_patch4_window7_224"),
	swinModel("v1.0.8", "swin_tiny_patch4_window7_224_22k"),
	swinModel("v1.0.8", "swin_tiny_patch4_window7_224_22kto1k_finetune"),
	torchvisionSwinModel("base", true, 272, "781e5279"),
	torchvisionSwinModel("small", true, 260, "637d8ceb"),
	torchvisionSwinModel("tiny", true, 260, "b137f0e2"),
	swinModel("v2.0.0", "swinv2_base_patch4_window12_192_22k"),
	swinModel("v2.0.0", "swinv2_base_patch4_window12to16_192to256_22kto1k_ft"),
	swinModel("v2.0.0", "swinv2_base_patch4_window12to24_192to384_22kto1k_ft"),
	swinModel("v2.0.0", "swinv2_base_patch4_window16_256"),
	swinModel("v2.0.0", "swinv2_base_patch4_window8_256"),
	swinModel("v2.0.0", "swinv2_large_patch4_window12_192_22k"),
	swinModel("v2.0.0", "swinv2_large_patch4_window12to16_192to256_22kto1k_ft"),
	swinModel("v2.0.0", "swinv2_large_patch4_window12to24_192to384_22kto1k_ft"),
	swinModel("v2.0.0", "swinv2_small_patch4_window16_256"),
	swinModel("v2.0.0", "swinv2_small_patch4_window8_256"),
	swinModel("v2.0.0", "swinv2_tiny_patch4_window16_256"),
	swinModel("v2.0.0", "swinv2_tiny_patch4_window8_256"),
	uNetModel("unet", false),
	uNet3PModel("unet3p", models.UNet3PConfig{}),
	uNet3PModel("unet3p_cgm", models.UNet3PConfig{ClassGuided: true}),
	uNet3PModel("unet3p_deepsup", models.UNet3PConfig{DeepSupervision: true}),
	uNetModel("unet_bilinear", true),
	uNetV2Model("unet_v2", false),
	uNetV2Model("unet_v2_deepsup", true),
	uNetValidModel,
	uNetPPModel("unetpp", false),
	uNetPPModel("unetpp_deepsup", true),
	vitModel("b_16", "", 224, imageNetInput(256), "c867db91"),
	vitDetectorModel,
	vitModel("b_16", "_lc_swag", 224, bicubicInput(224, 224), "4e70ced5"),
	vitModel("b_16", "_swag", 384, bicubicInput(384, 384), "9ac1b537"),
	vitModel("b_32", "", 224, imageNetInput(256), "d86f8d99"),
	timmViTModel,
	vitModel("h_14", "_lc_swag", 224, bicubicInput(224, 224), "c1eb923e"),
	vitModel("h_14", "_swag", 518, bicubicInput(518, 518), "80465313"),
	vitModel("l_16", "", 224, imageNetInput(242), "852ce7e3"),
	vitModel("l_16", "_lc_swag", 224, bicubicInput(224, 224), "4d563306"),
	vitModel("l_16", "_swag", 512, bicubicInput(512, 512), "4f3808c9"),
	vitModel("l_32", "", 224, imageNetInput(256), "c7638314"),
	resNetModel("wide_resnet101_2", 256, "32ee1156"),
	resNetModel("wide_resnet101_2_v2", 232, "d733dc28"),
	resNetModel("wide_resnet50_2", 256, "95faca4d"),
	resNetModel("wide_resnet50_2_v2", 232, "9ba9bcbe"),
}

// Stages lists the stages of the network, whose values can be features, in the order
// of computation.
func (m Model) Stages() ([]string, error) { return m.stages(m.New()) }

func (m Model) stages(network models.Network) ([]string, error) {
	g, err := models.TraceForward(network, 1, m.Size, m.Size, m.Channels)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, s := range g.Stages {
		if s.Value != g.Outputs[0].Value {
			names = append(names, s.Name)
		}
	}
	return names, nil
}

// Lookup finds a model by name. The error lists models with similar names.
func Lookup(name string) (Model, error) {
	var names []string
	for _, e := range registry {
		if e.Name == name {
			return e, nil
		}
		names = append(names, e.Name)
	}
	like := ""
	if near := nearest(name, names); len(near) > 0 {
		like = "; the nearest are " + strings.Join(near, ", ")
	}
	return Model{}, fmt.Errorf("no model %q%s", name, like)
}
