namespace Coppice.Text.TokenModels;

/// <summary>Cuts one pre-token into tokens of the vocabulary.</summary>
internal abstract class TokenModel
{
    /// <summary>A model over <paramref name="vocabulary"/>.</summary>
    protected TokenModel(Vocabulary vocabulary) => Vocabulary = vocabulary;

    public Vocabulary Vocabulary { get; }

    /// <summary>The size that ids of added tokens start from where the model does not know them.</summary>
    public virtual int Size => Vocabulary.Count;

    /// <summary>
    /// Appends the ids of <paramref name="piece"/>, which is not empty, and where each token stands in it to <paramref name="spans"/>,
    /// if that is given. A token that is part of a character counts as the whole of it.
    /// </summary>
    public abstract void Tokenize(ReadOnlySpan<char> piece, List<int> ids, List<TokenSpan>? spans = null);
}
