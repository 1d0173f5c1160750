using System.IO.Enumeration;
using System.Text.Json;
using Coppice.Weights;

namespace Coppice.Models;

/// <summary>Recognises checkpoints whose weights are quantised, by config.json or by the names of their tensors.</summary>
internal static class Quantization
{
    private const string Hint =
        "load the original in 16 bits; --weights q8 or q4 then keeps it in eight or four bits";

    /// <summary>Keys of config.json under which tools write how they quantised.</summary>
    private static readonly string[] Keys = ["quantization_config", "compression_config"];

    /// <summary>Names that only quantised weights have. Scales of keys and values (k_scale, v_scale) say nothing about weights.</summary>
    private static readonly (string Pattern, string Method)[] Names =
    [
        ("*.qweight", "GPTQ or AWQ"), ("*.qzeros", "GPTQ or AWQ"), ("*.g_idx", "GPTQ"),
        ("*.weight_scale", "FP8 or compressed tensors"), ("*.weight_scale_inv", "FP8"), ("*.weight_packed", "compressed tensors"),
        ("*.weight_zero_point", "compressed tensors"), ("*.weight.absmax", "bitsandbytes"), ("*.weight.quant_map", "bitsandbytes"),
        ("*.weight.quant_state.*", "bitsandbytes"), ("*.SCB", "bitsandbytes"), ("*_proj_blocks", "MXFP4"), ("*_proj_scales", "MXFP4"),
        ("*.codebooks", "AQLM"), ("*.trellis", "EXL3"), ("*.q_weight", "EXL2"),
    ];

    /// <summary>Notes in <paramref name="config"/> that the checkpoint is quantised, where it says so.</summary>
    public static void Check(ConfigReader config)
    {
        foreach (var key in Keys)
        {
            if (config.Value(key) is not { ValueKind: JsonValueKind.Object } settings) continue;
            var method = settings.TryGetProperty("quant_method", out var name) && name.ValueKind == JsonValueKind.String
                ? CheckpointText.Value(name).Trim('"') : "a method without name";
            config.Refuse($"{key}: a checkpoint quantised by {method} is not supported ({Hint})");
        }
    }

    /// <summary>The method that the tensor's name belongs to, or null.</summary>
    private static string? MethodOf(string tensor) =>
        Array.Find(Names, known => FileSystemName.MatchesSimpleExpression(known.Pattern, tensor, ignoreCase: false)).Method;

    /// <summary>Throws where a name among <paramref name="unknown"/>, tensors that have no role, is one of quantised weights.</summary>
    /// <exception cref="UnsupportedModelException">There is one.</exception>
    public static void Refuse(IEnumerable<CheckpointTensor> unknown)
    {
        foreach (var tensor in unknown)
        {
            if (MethodOf(tensor.Entry.Name) is { } method)
                throw new UnsupportedModelException(
                    $"{tensor.Label}: a checkpoint quantised by {method} is not supported ({Hint}).");
        }
    }
}
