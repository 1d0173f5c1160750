using System.Text.Json;

namespace Coppice.Text.Files;

/// <summary>Reads the merges of a BPE model: pairs of tokens, or in older files strings with a blank between the two.</summary>
internal static class MergeReader
{
    private const string Path = "model.merges";

    /// <summary>
    /// The merges at <paramref name="where"/>; both parts and the whole, in which the right part's prefix is dropped, must be in the
    /// vocabulary.
    /// </summary>
    public static MergeBuilder Read(JsonSource source, Range where, Vocabulary vocabulary, string prefix)
    {
        var reader = new TokenReader(source, where, Path);
        var builder = new MergeBuilder(source.Name, Path, vocabulary, prefix);
        reader.Expect(JsonTokenType.StartArray, "an array of merges");
        var pairs = reader.Kind == JsonTokenType.StartArray;
        while (reader.Kind != JsonTokenType.EndArray)
        {
            if (pairs) ReadPair(ref reader, builder);
            else builder.AddLine(reader.Text());
            reader.Read();
        }
        return builder;
    }

    private static void ReadPair(ref TokenReader reader, MergeBuilder builder)
    {
        reader.Expect(JsonTokenType.StartArray, "an array of pairs");
        builder.Left(reader.Text());
        reader.Read();
        builder.Right(reader.Text());
        reader.Read();
        if (reader.Kind != JsonTokenType.EndArray) throw reader.Wrong("an array of pairs");
    }
}
