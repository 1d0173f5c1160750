using System.Text;
using System.Text.Unicode;

namespace Coppice.Text.Files;

/// <summary>The contents of a tokenizer.model: pieces, and the settings that encoding needs (sentencepiece_model.proto).</summary>
internal sealed record SentencePieceModel
{
    public const int Unigram = 1;
    public const int BytePairs = 2;

    public List<ScoredPiece> Pieces { get; } = [];

    /// <summary>1 is Unigram, 2 is BPE, 3 whole words, 4 single characters.</summary>
    public int ModelType { get; private set; } = Unigram;

    public bool ByteFallback { get; private set; }

    public bool WhitespaceIsSuffix { get; private set; }

    public byte[] CharacterMap { get; private set; } = [];

    public bool AddsDummyPrefix { get; private set; } = true;

    public bool RemovesExtraWhitespace { get; private set; } = true;

    public bool EscapesWhitespace { get; private set; } = true;

    /// <summary>Reads the message <paramref name="bytes"/>.</summary>
    public static SentencePieceModel Read(string file, ReadOnlySpan<byte> bytes)
    {
        var model = new SentencePieceModel();
        var reader = new WireReader(file, bytes);
        while (reader.Read())
        {
            if (reader.Field == 1) model.AddPiece(file, reader.Bytes);
            else if (reader.Field == 2) model.ReadTrainer(file, reader.Bytes);
            else if (reader.Field == 3) model.ReadNormalizer(file, reader.Bytes);
        }
        if (model.Pieces.Count == 0) throw new CheckpointException($"{file}: must hold at least one piece, found none.");
        return model;
    }

    private void AddPiece(string file, ReadOnlySpan<byte> bytes)
    {
        var reader = new WireReader(file, bytes);
        var (text, score, kind) = ("", 0f, PieceKind.Normal);
        while (reader.Read())
        {
            if (reader.Field == 1)
            {
                if (!Utf8.IsValid(reader.Bytes))
                    throw new CheckpointException($"{file}: piece {Pieces.Count} must be UTF-8 text, found other bytes.");
                text = Encoding.UTF8.GetString(reader.Bytes);
            }
            else if (reader.Field == 2) score = reader.Single;
            else if (reader.Field == 3) kind = (PieceKind)Math.Min(reader.Number, 100);
        }
        if (!float.IsFinite(score)) throw new CheckpointException($"{file}: piece {Pieces.Count} must have a finite score, found {score}.");
        if (!Enum.IsDefined(kind))
            throw new CheckpointException($"{file}: piece {Pieces.Count} must have a type from 1 to 6, found {(int)kind}.");
        if (Pieces.Count == Vocabulary.IdLimit)
            throw new CheckpointException($"{file}: must hold at most {Vocabulary.IdLimit} pieces, found more.");
        Pieces.Add(new ScoredPiece(text, score, kind));
    }

    private void ReadTrainer(string file, ReadOnlySpan<byte> bytes)
    {
        var reader = new WireReader(file, bytes);
        while (reader.Read())
        {
            if (reader.Field == 3) ModelType = (int)Math.Min(reader.Number, int.MaxValue);
            else if (reader.Field == 24) WhitespaceIsSuffix = reader.Number != 0;
            else if (reader.Field == 35) ByteFallback = reader.Number != 0;
        }
    }

    private void ReadNormalizer(string file, ReadOnlySpan<byte> bytes)
    {
        var reader = new WireReader(file, bytes);
        while (reader.Read())
        {
            if (reader.Field == 2) CharacterMap = reader.Bytes.ToArray();
            else if (reader.Field == 3) AddsDummyPrefix = reader.Number != 0;
            else if (reader.Field == 4) RemovesExtraWhitespace = reader.Number != 0;
            else if (reader.Field == 5) EscapesWhitespace = reader.Number != 0;
        }
    }
}
