namespace Coppice.Models;

/// <summary>What kind of draft heads a file holds.</summary>
internal enum HeadKind
{
    /// <summary>Each head reads the state alone.</summary>
    Medusa,
    /// <summary>Each head also reads the tokens that were drafted before it.</summary>
    Hydra,
}

/// <summary>A matrix and its bias by their names in the files; null where there is no bias.</summary>
internal sealed record HeadLinear(string Weight, string? Bias);

/// <summary>One head: z = first(u), then z += silu(W z + b) for each block, then the vocabulary matrix.</summary>
/// <param name="Residual">A of Hydra's first block A u + a + silu(B u + b), u = [h; E(x₁); …]; null where z begins as h.</param>
/// <param name="Gate">B of it.</param>
/// <param name="Blocks">Residual blocks of the model's width.</param>
/// <param name="Vocabulary">The head's own vocabulary matrix; null where it shares one.</param>
internal sealed record HeadPart(HeadLinear? Residual, HeadLinear? Gate, IReadOnlyList<HeadLinear> Blocks, HeadLinear? Vocabulary);

/// <summary>What the tensors of draft heads are, whichever program wrote them; counts follow from the names.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Heads">Head i says the token i + 2 places after the state's.</param>
/// <param name="SharedVocabulary">One vocabulary matrix of all heads; null where each has its own or the model's serves.</param>
/// <param name="PrefixLayer">
/// Beginning of the names of Hydra++'s decoder layer, "prefix_embeding_layer."; null where states go to the heads as they are.
/// </param>
/// <param name="TokenMap">The tensor that says which token each row of the vocabulary matrices is; null where row i is token i.</param>
internal sealed record HeadLayout(
    HeadKind Kind, IReadOnlyList<HeadPart> Heads, HeadLinear? SharedVocabulary, string? PrefixLayer, string? TokenMap)
{
    /// <summary>Rows of the largest vocabulary that may be padding.</summary>
    private const int MostPadding = 1024;

    /// <summary>Checks every tensor against the model.</summary>
    /// <param name="tensors">The files' tensors.</param>
    /// <param name="spec">The model that is drafted for.</param>
    /// <exception cref="CheckpointException">A tensor has another shape or type: the heads are for another model.</exception>
    public void Check(HeadTensors tensors, ModelSpec spec)
    {
        var width = spec.HiddenSize;
        var rows = TokenMap is null ? (long?)null : CheckMap(tensors, spec.VocabularySize);
        for (var i = 0; i < Heads.Count; i++)
        {
            var head = Heads[i];
            var input = Kind == HeadKind.Hydra ? (i + 2L) * width : width;
            if (head.Residual is { } residual) CheckLinear(tensors, residual, width, input);
            if (head.Gate is { } gate) CheckLinear(tensors, gate, width, input);
            foreach (var block in head.Blocks) CheckLinear(tensors, block, width, width);
            if (head.Vocabulary is { } vocabulary) CheckVocabulary(tensors, vocabulary, spec, rows);
        }
        if (SharedVocabulary is { } shared) CheckVocabulary(tensors, shared, spec, rows);
    }

    private long CheckMap(HeadTensors tensors, int vocabulary)
    {
        var entry = tensors[TokenMap!].Entry;
        if (entry.Shape is not [> 0] || entry.Shape[0] > vocabulary)
            throw tensors.Wrong(TokenMap!, $"must have one token for each row, at most the model's {vocabulary}, found {entry.ShapeText}");
        return entry.Shape[0];
    }

    private static void CheckLinear(HeadTensors tensors, HeadLinear linear, long outputs, long inputs)
    {
        if (!tensors[linear.Weight].Entry.Shape.AsSpan().SequenceEqual([outputs, inputs]))
        {
            throw tensors.Wrong(linear.Weight,
                $"must have the shape [{outputs}, {inputs}] for this model, found {tensors[linear.Weight].Entry.ShapeText} "
                + "(the heads are for another model)");
        }
        CheckBias(tensors, linear, outputs);
    }

    /// <summary>Rows of padding may be missing, or there may be some more: they are never proposed.</summary>
    private static void CheckVocabulary(HeadTensors tensors, HeadLinear linear, ModelSpec spec, long? rows)
    {
        var shape = tensors[linear.Weight].Entry.Shape;
        var padding = rows is null ? Math.Min(MostPadding, spec.VocabularySize / 8) : 0;
        var fits = shape is [_, _] && shape[1] == spec.HiddenSize && Math.Abs(shape[0] - (rows ?? spec.VocabularySize)) <= padding;
        if (!fits)
        {
            throw tensors.Wrong(linear.Weight,
                $"must have the shape [{rows ?? spec.VocabularySize}, {spec.HiddenSize}] for this model, found "
                + $"{tensors[linear.Weight].Entry.ShapeText} (the heads are for another model)");
        }
        CheckBias(tensors, linear, shape[0]);
    }

    private static void CheckBias(HeadTensors tensors, HeadLinear linear, long outputs)
    {
        _ = tensors[linear.Weight].ElementType;
        if (linear.Bias is not { } bias) return;
        _ = tensors[bias].ElementType;
        if (!tensors[bias].Entry.Shape.AsSpan().SequenceEqual([outputs]))
            throw tensors.Wrong(bias, $"must have the shape [{outputs}], found {tensors[bias].Entry.ShapeText}");
    }
}
