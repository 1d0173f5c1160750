using System.Text.Json;
using Coppice.Text.TokenModels;

namespace Coppice.Text.Files;

/// <summary>Reads a Unigram model: a list of pairs of token and score.</summary>
internal static class UnigramReader
{
    public static UnigramModel Read(ModelSettings settings)
    {
        var where = settings.Where("vocab");
        var reader = new TokenReader(settings.Source, where, "model.vocab");
        var vocabulary = new Vocabulary(where.GetOffsetAndLength(settings.Source.Bytes.Length).Length / 30);
        var scores = new List<double>();
        reader.Expect(JsonTokenType.StartArray, "an array of tokens and scores");
        while (reader.Kind != JsonTokenType.EndArray)
        {
            if (scores.Count == Vocabulary.IdLimit) throw reader.Wrong($"at most {Vocabulary.IdLimit} tokens");
            reader.Expect(JsonTokenType.StartArray, "an array of pairs");
            vocabulary.Add(reader.Text(), scores.Count);
            reader.Read();
            scores.Add(reader.Score());
            reader.Read();
            reader.Expect(JsonTokenType.EndArray, "an array of pairs");
        }
        vocabulary.Complete();
        var unknown = settings.Field("unk_id");
        if (unknown is { } field && (scores.Count == 0 || field.Integer(int.MaxValue) >= scores.Count))
            throw field.Wrong($"the place of a token among the {scores.Count} of the vocabulary");
        return new UnigramModel(vocabulary, [.. scores], unknown?.Integer(int.MaxValue), settings.Flag("byte_fallback"));
    }
}
