using System.Text;
using System.Text.Json;

namespace Coppice.Text.Files;

/// <summary>Reads the large members of a model, token by token where they lie in the file, without a string for each.</summary>
internal ref struct TokenReader
{
    private readonly JsonSource _source;
    private readonly string _path;
    private Utf8JsonReader _reader;
    private byte[] _unescaped;

    /// <summary>A reader of the value at <paramref name="where"/>, standing on its first token.</summary>
    public TokenReader(JsonSource source, Range where, string path)
    {
        _source = source;
        _path = path;
        _unescaped = [];
        _reader = new Utf8JsonReader(source.Bytes.Span[where]);
        Read();
    }

    public readonly JsonTokenType Kind => _reader.TokenType;

    /// <summary>Goes to the next token; the value must not end here.</summary>
    public void Read()
    {
        try
        {
            if (!_reader.Read()) throw new CheckpointException($"{_source.Name}: {_path} must be complete, but it ends early.");
        }
        catch (JsonException error)
        {
            throw _source.Malformed(error);
        }
    }

    /// <summary>The text of the current string or key as UTF-8, valid until the next one.</summary>
    public ReadOnlySpan<byte> Text()
    {
        if (_reader.TokenType is not (JsonTokenType.String or JsonTokenType.PropertyName)) throw Wrong("a string");
        if (!_reader.ValueIsEscaped) return _reader.ValueSpan;
        if (_unescaped.Length < _reader.ValueSpan.Length) _unescaped = new byte[_reader.ValueSpan.Length * 2];
        try
        {
            return _unescaped.AsSpan(0, _reader.CopyString(_unescaped));
        }
        catch (InvalidOperationException error)
        {
            throw new CheckpointException($"{_source.Name}: {_path} must be valid Unicode text, found an unpaired surrogate.", error);
        }
    }

    /// <summary>The current number as a token id.</summary>
    public readonly int Id() =>
        _reader.TokenType == JsonTokenType.Number && _reader.TryGetInt32(out var id) && id is >= 0 and < Vocabulary.IdLimit
            ? id
            : throw Wrong($"a map of tokens to ids from 0 to {Vocabulary.IdLimit - 1}");

    /// <summary>The current number as a finite score.</summary>
    public readonly double Score() =>
        _reader.TokenType == JsonTokenType.Number && _reader.TryGetDouble(out var score) && double.IsFinite(score)
            ? score
            : throw Wrong("pairs of a token and a finite score");

    /// <summary>Asks that the current token is of a kind and goes to the next.</summary>
    public void Expect(JsonTokenType kind, string expected)
    {
        if (_reader.TokenType != kind) throw Wrong(expected);
        Read();
    }

    /// <summary>The error that the value is not what it must be.</summary>
    public readonly CheckpointException Wrong(string expected)
    {
        var found = _reader.TokenType == JsonTokenType.None ? "nothing" : Encoding.UTF8.GetString(_reader.ValueSpan);
        if (found.Length > 60) found = string.Concat(found.AsSpan(0, 60), "...");
        return new CheckpointException($"{_source.Name}: {_path} must be {expected}, found {_reader.TokenType} {found} at byte "
            + $"{_reader.TokenStartIndex}.");
    }
}
