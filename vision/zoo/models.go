package zoo

import (
	"fmt"
	"strings"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/weights"
)

// Model is a model that can be had by name.
type Model struct {
	Name       string
	Task       Task
	Paper      string
	Size       int // height and width of the input that it is usually shown
	Channels   int // of the input
	Input      string
	Preprocess Preprocess // of pictures, as in training
	Checkpoint string     // where its weights are
	Hash       string     // "sha256:" or "md5:" and how the checkpoint's hash begins; "" if none is published
	Licence    string     // of the weights

	// Labels are the names of the classes; nil where they are not known, or are
	// ImageNet's.
	Labels func() []string

	New     func() models.Network
	Weights func() (weights.Source, error) // those in this module; nil if none are
}

// Models lists the models, in alphabetical order.
var Models = []Model{
	alexNetEntry,
	cifarResNetEntry(110),
	cifarResNetEntry(20),
	cifarResNetEntry(32),
	cifarResNetEntry(44),
	cifarResNetEntry(56),
	clipEntry("RN101", "RN101.pt", "8fa8567bab74a42d41c5915025a8e4538c3bdbe8804a470a72f30b0d94fab599"),
	clipEntry("RN50", "RN50.pt", "afeb0e10f9e5a86da6080e35cf09123aca3b358a0c3e3b6c78a7b63bc04b6762"),
	clipEntry("RN50x16", "RN50x16.pt", "52378b407f34354e150460fe41077663dd5b39c54cd0bfd2b27167a4a06ec9aa"),
	clipEntry("RN50x4", "RN50x4.pt", "7e526bd135e493cef0776de27d5f42653e6b4c8bf9e0f653bb11773263205fdd"),
	clipEntry("RN50x64", "RN50x64.pt", "be1cfb55d75a9666199fb2206c106743da0f6468c9d327f3e0d0a543a9919d9c"),
	clipEntry("ViT-B/16", "ViT-B-16.pt", "5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f"),
	clipEntry("ViT-B/32", "ViT-B-32.pt", "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af"),
	clipEntry("ViT-L/14", "ViT-L-14.pt", "b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836"),
	clipEntry("ViT-L/14@336px", "ViT-L-14-336px.pt", "3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02"),
	espcnEntry(2),
	espcnEntry(3),
	espcnEntry(4),
	googLeNetEntry("googlenet", true),
	googLeNetEntry("googlenet_noaux", false),
	lenetEntry,
	lenet5Entry,
	lenet5ConvEntry,
	lenet5D2LEntry,
	lenet5RGBEntry,
	maeFinetunedEntry("base", "1b25e9"),
	maeFinetunedEntry("huge", "2541f2"),
	maeFinetunedEntry("large", "51f550"),
	maeEntry("base", "huggingface.co/facebook/vit-mae-base, model.safetensors", "Apache-2.0"),
	maeEncoderEntry("base", "8cad7c"),
	maeEntry("huge", "huggingface.co/facebook/vit-mae-huge, model.safetensors", "Apache-2.0"),
	maeEncoderEntry("huge", "9bdbb0"),
	maeEntry("large", maeFiles+"visualize/mae_visualize_vit_large.pth", maeTerms),
	maeEncoderEntry("large", "b8b06e"),
	resNetEntry("resnet101", 256, "63fe2227"),
	resNetEntry("resnet101_v2", 232, "cd907fc2"),
	resNetEntry("resnet152", 256, "394f9c45"),
	resNetEntry("resnet152_v2", 232, "f82ba261"),
	resNetEntry("resnet18", 256, "f37072fd"),
	resNetEntry("resnet34", 256, "b627a593"),
	resNetEntry("resnet50", 256, "0676ba61"),
	resNetEntry("resnet50_v2", 232, "11ad3fa6"),
	resNetEntry("resnext101_32x8d", 256, "8ba56ff5"),
	resNetEntry("resnext101_32x8d_v2", 232, "110c445d"),
	resNetEntry("resnext101_64x4d", 232, "173b62eb"),
	resNetEntry("resnext50_32x4d", 256, "7cdf4587"),
	resNetEntry("resnext50_32x4d_v2", 232, "1a0047aa"),
	samEntry("vit_b", "sam_vit_b_01ec64.pth", "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912"),
	samEntry("vit_h", "sam_vit_h_4b8939.pth", "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e"),
	samEntry("vit_l", "sam_vit_l_0b3195.pth", "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622"),
	torchvisionSwinEntry("base", false, 238, "68c6b09e"),
	swinEntry("v1.0.0", "swin_base_patch4_window12_384"),
	swinEntry("v1.0.0", "swin_base_patch4_window12_384_22k"),
	swinEntry("v1.0.0", "swin_base_patch4_window12_384_22kto1k"),
	swinEntry("v1.0.0", "swin_base_patch4_window7_224"),
	swinEntry("v1.0.0", "swin_base_patch4_window7_224_22k"),
	swinEntry("v1.0.0", "swin_base_patch4_window7_224_22kto1k"),
	swinEntry("v1.0.0", "swin_large_patch4_window12_384_22k"),
	swinEntry("v1.0.0", "swin_large_patch4_window12_384_22kto1k"),
	swinEntry("v1.0.0", "swin_large_patch4_window7_224_22k"),
	swinEntry("v1.0.0", "swin_large_patch4_window7_224_22kto1k"),
	torchvisionSwinEntry("small", false, 246, "5e29d889"),
	swinEntry("v1.0.0", "swin_small_patch4_window7_224"),
	swinEntry("v1.0.8", "swin_small_patch4_window7_224_22k"),
	swinEntry("v1.0.8", "swin_small_patch4_window7_224_22kto1k_finetune"),
	torchvisionSwinEntry("tiny", false, 232, "704ceda3"),
	swinEntry("v1.0.0", "swin_tiny_patch4_window7_224"),
	swinEntry("v1.0.8", "swin_tiny_patch4_window7_224_22k"),
	swinEntry("v1.0.8", "swin_tiny_patch4_window7_224_22kto1k_finetune"),
	torchvisionSwinEntry("base", true, 272, "781e5279"),
	torchvisionSwinEntry("small", true, 260, "637d8ceb"),
	torchvisionSwinEntry("tiny", true, 260, "b137f0e2"),
	swinEntry("v2.0.0", "swinv2_base_patch4_window12_192_22k"),
	swinEntry("v2.0.0", "swinv2_base_patch4_window12to16_192to256_22kto1k_ft"),
	swinEntry("v2.0.0", "swinv2_base_patch4_window12to24_192to384_22kto1k_ft"),
	swinEntry("v2.0.0", "swinv2_base_patch4_window16_256"),
	swinEntry("v2.0.0", "swinv2_base_patch4_window8_256"),
	swinEntry("v2.0.0", "swinv2_large_patch4_window12_192_22k"),
	swinEntry("v2.0.0", "swinv2_large_patch4_window12to16_192to256_22kto1k_ft"),
	swinEntry("v2.0.0", "swinv2_large_patch4_window12to24_192to384_22kto1k_ft"),
	swinEntry("v2.0.0", "swinv2_small_patch4_window16_256"),
	swinEntry("v2.0.0", "swinv2_small_patch4_window8_256"),
	swinEntry("v2.0.0", "swinv2_tiny_patch4_window16_256"),
	swinEntry("v2.0.0", "swinv2_tiny_patch4_window8_256"),
	uNetEntry("unet", false),
	uNet3PEntry("unet3p", models.UNet3PConfig{}),
	uNet3PEntry("unet3p_cgm", models.UNet3PConfig{ClassGuided: true}),
	uNet3PEntry("unet3p_deepsup", models.UNet3PConfig{DeepSupervision: true}),
	uNetEntry("unet_bilinear", true),
	uNetV2Entry("unet_v2", false),
	uNetV2Entry("unet_v2_deepsup", true),
	uNetValidEntry,
	uNetPPEntry("unetpp", false),
	uNetPPEntry("unetpp_deepsup", true),
	vitEntry("b_16", "", 224, imageNetInput(256), "c867db91"),
	vitDetectorEntry,
	vitEntry("b_16", "_lc_swag", 224, bicubicInput(224, 224), "4e70ced5"),
	vitEntry("b_16", "_swag", 384, bicubicInput(384, 384), "9ac1b537"),
	vitEntry("b_32", "", 224, imageNetInput(256), "d86f8d99"),
	timmViTEntry,
	vitEntry("h_14", "_lc_swag", 224, bicubicInput(224, 224), "c1eb923e"),
	vitEntry("h_14", "_swag", 518, bicubicInput(518, 518), "80465313"),
	vitEntry("l_16", "", 224, imageNetInput(242), "852ce7e3"),
	vitEntry("l_16", "_lc_swag", 224, bicubicInput(224, 224), "4d563306"),
	vitEntry("l_16", "_swag", 512, bicubicInput(512, 512), "4f3808c9"),
	vitEntry("l_32", "", 224, imageNetInput(256), "c7638314"),
	resNetEntry("wide_resnet101_2", 256, "32ee1156"),
	resNetEntry("wide_resnet101_2_v2", 232, "d733dc28"),
	resNetEntry("wide_resnet50_2", 256, "95faca4d"),
	resNetEntry("wide_resnet50_2_v2", 232, "9ba9bcbe"),
}

func espcnEntry(scale int) Model {
	return Model{
		Name:       fmt.Sprintf("espcn_x%d", scale),
		Task:       SuperResolve,
		Paper:      "Shi et al., Real-Time Single Image and Video Super-Resolution, arXiv:1609.05158",
		Size:       256,
		Channels:   1,
		Input:      "luminance (Y of JFIF's YCbCr) in 0…1",
		Checkpoint: "built in",
		Licence:    "Apache-2.0",
		New:        func() models.Network { return models.NewESPCN(models.ESPCNConfig{Scale: scale}) },
		Weights:    func() (weights.Source, error) { return ESPCNWeights(scale) },
	}
}

// Stages lists the points inside the network whose values can be had, in the order
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

// Lookup finds a model by name. The error names those that are written most
// like it.
func Lookup(name string) (Model, error) {
	var names []string
	for _, e := range Models {
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
