using System.Globalization;
using System.Text;

namespace Coppice.Text.Decoders;

/// <summary>
/// Turns runs of byte tokens such as &lt;0xE4&gt; into text. A run that is not UTF-8 as a whole becomes one U+FFFD for each byte,
/// so nothing of a run is final before its end.
/// </summary>
internal sealed class ByteFallback : DecoderStage
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    /// <inheritdoc/>
    public override DecoderRun NewRun(bool fused) => fused ? new WholeText(Alone) : new Run();

    /// <inheritdoc/>
    public override string Middle(string token) => Alone(token);

    /// <inheritdoc/>
    public override byte[]? MiddleBytes(string token) => TryByte(token, out var value) ? [value] : null;

    private static string Alone(string token) => TryByte(token, out var value) ? Text([value]) ?? "\uFFFD" : token;

    private static bool TryByte(ReadOnlySpan<char> token, out byte value)
    {
        value = 0;
        return token.Length == 6 && token.StartsWith("<0x", StringComparison.Ordinal) && token[5] == '>'
            && byte.TryParse(token.Slice(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }

    // Null where the bytes are not UTF-8.
    private static string? Text(byte[] bytes)
    {
        try
        {
            return Strict.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }

    private sealed class Run : DecoderRun
    {
        private readonly List<byte> _bytes = [];

        public override void Push(ReadOnlySpan<char> token)
        {
            if (TryByte(token, out var value))
            {
                _bytes.Add(value);
                return;
            }
            Release();
            Emit(token);
        }

        public override void End()
        {
            Release();
            base.End();
        }

        private void Release()
        {
            if (_bytes.Count == 0) return;
            if (Text([.. _bytes]) is { } text) Emit(text);
            else
            {
                // Each byte of a broken run is a token of its own.
                for (var i = 0; i < _bytes.Count; i++) Emit("\uFFFD");
            }
            _bytes.Clear();
        }
    }
}
