namespace Coppice.Text.Files;

/// <summary>What a token is to readers of GGUF files, with the format's numbers.</summary>
internal enum GgufTokenKind
{
    Normal = 1,
    /// <summary>Special: stands for no text.</summary>
    Control = 3,
    /// <summary>Added, but text.</summary>
    UserDefined = 4,
    /// <summary>An id without a token.</summary>
    Unused = 5,
}

/// <summary>
/// A byte-level BPE tokenizer as GGUF files describe it: tokens by id, merges in order, and the name of the way texts are cut.
/// </summary>
internal sealed record GgufVocabulary(
    string Model, string PreTokenizer, IReadOnlyList<string> Tokens, IReadOnlyList<GgufTokenKind> Kinds, IReadOnlyList<string> Merges,
    bool AddsBeginning, bool AddsEnd)
{
    /// <summary>
    /// Describes <paramref name="tokenizer"/>, which was read from the tokenizer.json of <paramref name="folder"/>, with
    /// <paramref name="size"/> tokens.
    /// </summary>
    /// <exception cref="CheckpointException">The file is malformed or has more tokens.</exception>
    /// <exception cref="UnsupportedModelException">Readers of GGUF files could not do what the file asks for.</exception>
    public static GgufVocabulary Read(string folder, Tokenizer tokenizer, int size)
    {
        var source = JsonSource.Read(Path.Combine(folder, "tokenizer.json"));
        var members = source.Members(inner: "model");
        var settings = new ModelSettings(source, members);
        if (tokenizer.VocabularySize > size)
            throw new CheckpointException(
                $"{source.Name}: must have at most the {size:N0} tokens of the model, found {tokenizer.VocabularySize:N0}.");
        CheckModel(settings);
        var name = GgufPreTokenizers.Name(Part("normalizer"), Part("pre_tokenizer"), settings.Flag("ignore_merges"), source.Name);
        var (beginning, end) = Frame(tokenizer, source.Name);
        var (tokens, kinds) = TokensById(tokenizer, size);
        return new GgufVocabulary("gpt2", name, tokens, kinds, ReadMerges(settings), beginning, end);

        JsonField? Part(string key)
        {
            if (!members.TryGetValue(key, out var where)) return null;
            var field = source.Field(where, key);
            return field.IsNull ? null : field;
        }
    }

    private static void CheckModel(ModelSettings settings)
    {
        var plain = settings.Type == "BPE" && !settings.Flag("byte_fallback")
            && string.IsNullOrEmpty(settings.OptionalText("continuing_subword_prefix"))
            && string.IsNullOrEmpty(settings.OptionalText("end_of_word_suffix"));
        if (!plain)
            throw new UnsupportedModelException($"{settings.Source.Name}: model must be byte-level BPE without prefix, suffix and "
                + $"byte_fallback to be written as GGUF, found {settings.Type}.");
    }

    private static (string[] Tokens, GgufTokenKind[] Kinds) TokensById(Tokenizer tokenizer, int size)
    {
        var (tokens, kinds) = (new string[size], new GgufTokenKind[size]);
        for (var id = 0; id < size; id++)
        {
            var text = tokenizer.TokenText(id);
            tokens[id] = text ?? $"[PAD{id}]";
            kinds[id] = text is null ? GgufTokenKind.Unused
                : tokenizer.IsSpecial(id) ? GgufTokenKind.Control
                : tokenizer.IsAdded(id) ? GgufTokenKind.UserDefined : GgufTokenKind.Normal;
        }
        return (tokens, kinds);
    }

    private static List<string> ReadMerges(ModelSettings settings)
    {
        var items = settings.Field("merges")?.Items() ?? [];
        var merges = new List<string>(items.Count);
        foreach (var item in items)
        {
            string[] parts = item.IsArray ? [.. item.Items().Select(part => part.Text)] : item.Text.Split(' ');
            if (parts is not [{ Length: > 0 }, { Length: > 0 }] || parts.Any(part => part.Contains(' ', StringComparison.Ordinal)))
                throw item.Wrong("two tokens without blanks");
            merges.Add($"{parts[0]} {parts[1]}");
        }
        return merges;
    }

    /// <summary>Whether texts begin with the beginning token and end with the end token; no other frame can be written.</summary>
    private static (bool Beginning, bool End) Frame(Tokenizer tokenizer, string file)
    {
        var (plain, framed) = (tokenizer.Encode("a", addSpecialTokens: false), tokenizer.Encode("a"));
        var special = tokenizer.SpecialTokens;
        foreach (var (beginning, end) in ((bool, bool)[])[(false, false), (true, false), (false, true), (true, true)])
        {
            if ((beginning && special.BeginningId is null) || (end && special.EndId is null)) continue;
            List<int> expected = [.. plain];
            if (beginning) expected.Insert(0, special.BeginningId!.Value);
            if (end) expected.Add(special.EndId!.Value);
            if (framed.SequenceEqual(expected)) return (beginning, end);
        }
        throw new UnsupportedModelException(
            $"{file}: post_processor must frame texts with the beginning and end tokens alone to be written as GGUF.");
    }
}
