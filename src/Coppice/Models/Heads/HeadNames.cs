using System.Globalization;
using System.Text.RegularExpressions;
using Coppice.Weights;

namespace Coppice.Models;

/// <summary>Recognises the layouts in which draft heads are published by the names of their tensors.</summary>
/// <remarks>
/// <para>Medusa: <c>{i}.{j}.linear.weight</c>, <c>.bias</c> and <c>{i}.{L}.weight</c>, the last absent where the model's head serves; the
/// same after <c>medusa_head.</c> in the file of a whole model; and vLLM's <c>blocks.{i}.layers.{j}.weight</c>, <c>lm_heads.{i}.weight</c>
/// or <c>lm_head.weight</c>, <c>token_map</c>, perhaps after <c>medusa_heads.</c></para>
/// <para>Hydra: <c>hydra_mlp.{i}.{j}.linear</c> and <c>.res_connection</c>, <c>hydra_lm_head.{i}</c> or <c>hydra_lm_head.{i}.{k}</c>, and
/// for Hydra++ <c>prefix_embeding_layer</c>, misspelled. Dropout shifts the numbers j, so that only their order says what they are. Copies
/// of the model's embedding and rotary buffers are passed over. A <c>token_map</c> is understood here too, and vocabulary matrices may be
/// absent.</para>
/// <para>Counts follow from the names: published configs are wrong about them.</para>
/// </remarks>
internal static partial class HeadNames
{
    private const string Prefix = "prefix_embeding_layer.", TokenMap = "token_map";

    /// <summary>The layout of what <paramref name="tensors"/> holds.</summary>
    /// <exception cref="CheckpointException">It holds no draft heads, two kinds of them, or a part of one is missing.</exception>
    public static HeadLayout Read(HeadTensors tensors)
    {
        var medusa = ReadMedusa(tensors) ?? ReadVllm(tensors);
        var hydra = ReadHydra(tensors);
        if (medusa is not null && hydra is not null) throw Wrong(tensors, "must hold one kind of draft heads, found Medusa's and Hydra's");
        return medusa ?? hydra ?? throw Wrong(tensors,
            "must hold draft heads, found no tensor named as Medusa's (0.0.linear.weight, medusa_head.0.0.linear.weight, "
            + "blocks.0.layers.0.weight) or Hydra's (hydra_mlp.0.0.linear.weight)");
    }

    private static HeadLayout? ReadMedusa(HeadTensors tensors)
    {
        var blocks = Find(tensors, MedusaBlock());
        if (blocks.Count == 0) return null;
        var vocabularies = Find(tensors, MedusaVocabulary());
        var heads = ByHead(tensors, blocks).Select(head => new HeadPart(
            null, null, Blocks(tensors, head), Single(tensors, vocabularies, head[0].Head)));
        return Whole(tensors, HeadKind.Medusa, heads, null, null);
    }

    private static HeadLayout? ReadVllm(HeadTensors tensors)
    {
        var blocks = Find(tensors, VllmBlock());
        if (blocks.Count == 0) return null;
        var vocabularies = Find(tensors, VllmVocabulary());
        var shared = tensors.Names.FirstOrDefault(name => name is "lm_head.weight" or "medusa_heads.lm_head.weight");
        var heads = ByHead(tensors, blocks).Select(head => new HeadPart(
            null, null, Blocks(tensors, head), Single(tensors, vocabularies, head[0].Head)));
        return Whole(tensors, HeadKind.Medusa, heads, shared is null ? null : Linear(tensors, shared), null);
    }

    private static HeadLayout? ReadHydra(HeadTensors tensors)
    {
        var blocks = Find(tensors, HydraBlock());
        if (blocks.Count == 0) return null;
        var vocabularies = Find(tensors, HydraVocabulary());
        var heads = ByHead(tensors, blocks).Select(head =>
        {
            var residual = head[0].Name.Replace(".linear.", ".res_connection.", StringComparison.Ordinal);
            if (!tensors.Has(residual)) throw Wrong(tensors, $"must hold {residual} beside {head[0].Name}, found none");
            return new HeadPart(Linear(tensors, residual), Linear(tensors, head[0].Name), Blocks(tensors, head.AsSpan(1)),
                Single(tensors, vocabularies, head[0].Head));
        });
        var prefix = tensors.Names.Any(name => name.StartsWith(Prefix + "layers.0.", StringComparison.Ordinal)) ? Prefix : null;
        return Whole(tensors, HeadKind.Hydra, heads, null, prefix);
    }

    private static HeadLayout Whole(HeadTensors tensors, HeadKind kind, IEnumerable<HeadPart> heads, HeadLinear? shared, string? prefix)
    {
        HeadPart[] all = [.. heads];
        var own = all.Count(head => head.Vocabulary is not null);
        if (own > 0 && own < all.Length)
            throw Wrong(tensors, $"must hold a vocabulary matrix for each of {all.Length} heads, or none, found {own}");
        var map = tensors.Names.FirstOrDefault(name => name is TokenMap or "medusa_heads." + TokenMap);
        return new HeadLayout(kind, all, own > 0 ? null : shared, prefix, map);
    }

    private readonly record struct Named(int Head, int Block, string Name);

    private static List<Named> Find(HeadTensors tensors, Regex pattern)
    {
        var found = new List<Named>();
        foreach (var name in tensors.Names)
        {
            if (pattern.Match(name) is not { Success: true } match) continue;
            found.Add(new Named(Number(match, "head"), match.Groups["block"].Success ? Number(match, "block") : 0, name));
        }
        return found;
    }

    private static int Number(Match match, string group) => int.Parse(match.Groups[group].ValueSpan, CultureInfo.InvariantCulture);

    /// <summary>The blocks of each head in their order; heads must be numbered from 0 on without a gap.</summary>
    private static IEnumerable<Named[]> ByHead(HeadTensors tensors, List<Named> blocks)
    {
        var heads = blocks.GroupBy(block => block.Head).OrderBy(head => head.Key).ToArray();
        for (var i = 0; i < heads.Length; i++)
        {
            if (heads[i].Key != i) throw Wrong(tensors, $"must hold heads from 0 on without a gap, found none numbered {i}");
            yield return [.. heads[i].OrderBy(block => block.Block)];
        }
    }

    private static HeadLinear[] Blocks(HeadTensors tensors, ReadOnlySpan<Named> blocks)
    {
        var made = new HeadLinear[blocks.Length];
        for (var i = 0; i < made.Length; i++) made[i] = Linear(tensors, blocks[i].Name);
        return made;
    }

    private static HeadLinear? Single(HeadTensors tensors, List<Named> vocabularies, int head)
    {
        var found = vocabularies.Where(vocabulary => vocabulary.Head == head).ToArray();
        if (found.Length > 1)
        {
            throw Wrong(tensors,
                $"must hold one vocabulary matrix of head {head}, found {string.Join(", ", found.Select(f => f.Name))}");
        }
        return found.Length == 0 ? null : Linear(tensors, found[0].Name);
    }

    private static HeadLinear Linear(HeadTensors tensors, string weight)
    {
        var bias = weight[..^"weight".Length] + "bias";
        return new HeadLinear(weight, tensors.Has(bias) ? bias : null);
    }

    private static CheckpointException Wrong(HeadTensors tensors, string what) => new($"{tensors.Folder}: {what}.");

    private const string Digits = "[0-9]{1,4}";

    [GeneratedRegex(
        "^(medusa_heads?\\.)?(?<head>" + Digits + ")\\.(?<block>" + Digits + ")\\.linear\\.weight$", RegexOptions.ExplicitCapture)]
    private static partial Regex MedusaBlock();

    [GeneratedRegex("^(medusa_heads?\\.)?(?<head>" + Digits + ")\\.(?<block>" + Digits + ")\\.weight$", RegexOptions.ExplicitCapture)]
    private static partial Regex MedusaVocabulary();

    [GeneratedRegex(
        "^(medusa_heads\\.)?blocks\\.(?<head>" + Digits + ")\\.layers\\.(?<block>" + Digits + ")\\.weight$", RegexOptions.ExplicitCapture)]
    private static partial Regex VllmBlock();

    [GeneratedRegex("^(medusa_heads\\.)?lm_heads\\.(?<head>" + Digits + ")\\.weight$", RegexOptions.ExplicitCapture)]
    private static partial Regex VllmVocabulary();

    [GeneratedRegex("^hydra_mlp\\.(?<head>" + Digits + ")\\.(?<block>" + Digits + ")\\.linear\\.weight$", RegexOptions.ExplicitCapture)]
    private static partial Regex HydraBlock();

    [GeneratedRegex("^hydra_lm_head\\.(?<head>" + Digits + ")(\\.(?<block>" + Digits + "))?\\.weight$", RegexOptions.ExplicitCapture)]
    private static partial Regex HydraVocabulary();
}
