namespace Coppice.Text;

/// <summary>The tokens that tokenizer_config.json or special_tokens_map.json give a role; null where they name none.</summary>
public sealed record SpecialTokens
{
    /// <summary>Begins a text.</summary>
    public string? Beginning { get; init; }

    /// <summary>Ends a text.</summary>
    public string? End { get; init; }

    /// <summary>Fills up a batch.</summary>
    public string? Padding { get; init; }

    /// <summary>Stands for what the vocabulary cannot spell.</summary>
    public string? Unknown { get; init; }

    /// <summary>The id of <see cref="Beginning"/>, null where there is none.</summary>
    public int? BeginningId { get; init; }

    /// <summary>The id of <see cref="End"/>, null where there is none.</summary>
    public int? EndId { get; init; }

    /// <summary>The id of <see cref="Padding"/>, null where there is none.</summary>
    public int? PaddingId { get; init; }

    /// <summary>The id of <see cref="Unknown"/>, null where there is none.</summary>
    public int? UnknownId { get; init; }

    /// <summary>All named special tokens as the chat template sees them, by key such as "bos_token".</summary>
    public IReadOnlyDictionary<string, string> Named { get; init; } = new Dictionary<string, string>();
}
