using System.Text.Json;
using Coppice.Text.TokenModels;

namespace Coppice.Text.Files;

/// <summary>Reads the model of a tokenizer.json: the small settings as fields, vocabulary and merges as streams.</summary>
internal static class TokenModelReader
{
    private const string Supported = "BPE, Unigram, WordPiece, WordLevel";

    /// <summary>
    /// The model of <paramref name="settings"/>. <paramref name="spells"/> asks for pieces spelled in the byte alphabet, and comes back
    /// false if the model does that itself.
    /// </summary>
    public static TokenModel Read(ModelSettings settings, ref bool spells)
    {
        switch (settings.Type)
        {
            case "BPE":
                var itself = spells;
                spells = false;
                return ReadBpe(settings, itself);
            case "WordPiece":
                return new WordPieceModel(ReadVocabulary(settings), settings.Text("unk_token"), settings.Text("continuing_subword_prefix"),
                    settings.Integer("max_input_chars_per_word"));
            case "WordLevel":
                return new WordLevelModel(ReadVocabulary(settings), settings.Text("unk_token"));
            case "Unigram":
                return UnigramReader.Read(settings);
            case var other:
                throw new UnsupportedModelException($"{settings.Source.Name}: model.type \"{other}\" is not supported; "
                    + $"supported: {Supported}.");
        }
    }

    private static BpeModel ReadBpe(ModelSettings settings, bool spellsBytes)
    {
        var options = new BpeOptions
        {
            UnknownToken = settings.OptionalText("unk_token"),
            ContinuingPrefix = settings.OptionalText("continuing_subword_prefix") ?? "",
            EndSuffix = settings.OptionalText("end_of_word_suffix") ?? "",
            FuseUnknown = settings.Flag("fuse_unk"),
            ByteFallback = settings.Flag("byte_fallback"),
            IgnoreMerges = settings.Flag("ignore_merges"),
            SpellsBytes = spellsBytes,
        };
        var vocabulary = ReadVocabulary(settings);
        var merges = MergeReader.Read(settings.Source, settings.Where("merges"), vocabulary, options.ContinuingPrefix);
        return new BpeModel(vocabulary, merges.Table(), merges.Boundaries, options);
    }

    private static Vocabulary ReadVocabulary(ModelSettings settings)
    {
        var where = settings.Where("vocab");
        return ReadVocabulary(settings.Source, where, "model.vocab");
    }

    /// <summary>Reads an object of tokens and their ids.</summary>
    public static Vocabulary ReadVocabulary(JsonSource source, Range where, string path)
    {
        var reader = new TokenReader(source, where, path);
        // The shortest entry, such as "a":1, takes 6 bytes; about 20 is usual.
        var vocabulary = new Vocabulary(where.GetOffsetAndLength(source.Bytes.Length).Length / 20);
        reader.Expect(JsonTokenType.StartObject, "an object of tokens and ids");
        var scratch = new byte[64];
        while (reader.Kind != JsonTokenType.EndObject)
        {
            var text = reader.Text();
            if (scratch.Length < text.Length) scratch = new byte[text.Length * 2];
            text.CopyTo(scratch);
            var length = text.Length;
            reader.Read();
            vocabulary.Add(scratch.AsSpan(0, length), reader.Id());
            reader.Read();
        }
        vocabulary.Complete();
        return vocabulary;
    }
}
