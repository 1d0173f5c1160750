using System.Runtime.InteropServices;
using Coppice.Execution;
using Coppice.Models;
using Coppice.Tests.Support;
using Coppice.Weights;

namespace Coppice.Tests.Drafting.Heads;

/// <summary>A small model of random weights, and heads for it that are run alone.</summary>
internal sealed class HeadBench : IDisposable
{
    public const int Width = 48, Vocabulary = 96;

    public HeadBench(string device = "cpu")
    {
        Model = Folder.Load(new ModelOptions { Device = device, Threads = 1, ContextLength = 256 });
        using var file = SafetensorsFile.Open(Folder.WeightsPath);
        Embedding = MemoryMarshal.Cast<byte, float>(file.Bytes(file.Tensors["model.embed_tokens.weight"])).ToArray();
    }

    public TinyModel Folder { get; } = new();
    public LanguageModel Model { get; }
    public float[] Embedding { get; }

    /// <summary>Heads of <paramref name="folder"/> as they are stored.</summary>
    public DraftHeads Open(string folder, HeadKind kind, bool quantized = false) => Model.OpenHeads(kind, "", folder, quantized)!;

    /// <summary>Best tokens and logits of all heads of Medusa, [heads][rows][top].</summary>
    public static (int[] Tokens, float[] Logits) Medusa(DraftHeads heads, float[] states)
    {
        var count = states.Length / Width * heads.Heads.Depth * heads.Heads.Top;
        var (tokens, logits) = (new int[count], new float[count]);
        heads.Heads.Run(states, tokens, logits);
        return (tokens, logits);
    }

    /// <summary>Best tokens and logits of one head of Hydra, [rows][top].</summary>
    public static (int[] Tokens, float[] Logits) Hydra(DraftHeads heads, int head, float[] states, int[] paths)
    {
        var count = states.Length / Width * heads.Heads.Top;
        var (tokens, logits) = (new int[count], new float[count]);
        heads.Heads.Run(head, states, paths, tokens, logits);
        return (tokens, logits);
    }

    /// <summary>Random states.</summary>
    public static float[] States(int rows, int seed = 3)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, rows * Width).Select(_ => (float)(2 * random.NextDouble() - 1) * 1.5f)];
    }

    public void Dispose()
    {
        Model.Dispose();
        Folder.Dispose();
    }
}
