using System.Buffers.Binary;
using System.Text;
using System.Text.Json;

namespace Coppice.Bench.Texts;

/// <summary>
/// A tokenizer.json as the model file that SentencePiece has (protocol buffers: ModelProto), for peers that read no other: pieces with
/// scores and kinds, the kind of model, and how texts are normalised.
/// </summary>
internal static class SentencePieceFile
{
    private const int Normal = 1, Unknown = 2, Control = 3, Byte = 6;

    public static MemoryStream Write(JsonElement tokenizer)
    {
        var model = tokenizer.GetProperty("model");
        var isUnigram = model.GetProperty("type").GetString() == "Unigram";
        var unknown = isUnigram ? model.GetProperty("unk_id").GetInt32() : 0;
        var special = tokenizer.GetProperty("added_tokens").EnumerateArray().Select(token => token.GetProperty("id").GetInt32())
            .ToHashSet();
        var file = new MemoryStream();
        var id = 0;
        Span<byte> number = stackalloc byte[4];
        foreach (var (piece, score) in isUnigram ? Scored(model) : Ranked(model))
        {
            var kind = id == unknown ? Unknown : special.Contains(id) ? Control : piece.StartsWith("<0x", StringComparison.Ordinal)
                ? Byte : Normal;
            var entry = new MemoryStream();
            Bytes(entry, 1, Encoding.UTF8.GetBytes(piece));
            entry.WriteByte(2 << 3 | 5);
            BinaryPrimitives.WriteSingleLittleEndian(number, score);
            entry.Write(number);
            Number(entry, 3, kind);
            Bytes(file, 1, entry.ToArray());
            id++;
        }
        var trainer = new MemoryStream();
        Number(trainer, 3, isUnigram ? 1 : 2);
        if (!isUnigram) Number(trainer, 35, 1);         // byte_fallback
        Number(trainer, 40, unknown);
        Bytes(file, 2, trainer.ToArray());
        var normalizer = new MemoryStream();
        if (isUnigram) Bytes(normalizer, 2, Convert.FromBase64String(CharacterMap(tokenizer.GetProperty("normalizer"))));
        Number(normalizer, 3, 1);                       // add_dummy_prefix
        Number(normalizer, 4, isUnigram ? 1 : 0);       // remove_extra_whitespaces
        Number(normalizer, 5, 1);                       // escape_whitespaces
        Bytes(file, 3, normalizer.ToArray());
        file.Position = 0;
        return file;
    }

    private static IEnumerable<(string Piece, float Score)> Scored(JsonElement model) =>
        model.GetProperty("vocab").EnumerateArray().Select(entry => (entry[0].GetString()!, entry[1].GetSingle()));

    /// <summary>Ids are the order of merges.</summary>
    private static IEnumerable<(string Piece, float Score)> Ranked(JsonElement model) =>
        model.GetProperty("vocab").EnumerateObject().OrderBy(entry => entry.Value.GetInt32())
            .Select(entry => (entry.Name, -(float)entry.Value.GetInt32()));

    private static string CharacterMap(JsonElement normalizer) => normalizer.GetProperty("type").GetString() == "Precompiled"
        ? normalizer.GetProperty("precompiled_charsmap").GetString()!
        : CharacterMap(normalizer.GetProperty("normalizers").EnumerateArray()
            .First(part => part.GetProperty("type").GetString() == "Precompiled"));

    private static void Bytes(MemoryStream stream, int field, ReadOnlySpan<byte> bytes)
    {
        Number(stream, field << 3 | 2);
        Number(stream, bytes.Length);
        stream.Write(bytes);
    }

    private static void Number(MemoryStream stream, int field, int value)
    {
        Number(stream, field << 3);
        Number(stream, value);
    }

    private static void Number(MemoryStream stream, int value)
    {
        for (var rest = (uint)value; ; rest >>= 7)
        {
            if (rest < 0x80)
            {
                stream.WriteByte((byte)rest);
                return;
            }
            stream.WriteByte((byte)(rest | 0x80));
        }
    }
}
