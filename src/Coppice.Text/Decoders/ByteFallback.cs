using System.Buffers;
using System.Globalization;
using System.Text.Unicode;

namespace Coppice.Text.Decoders;

/// <summary>
/// Turns runs of byte tokens such as &lt;0xE4&gt; into text. A run that is not UTF-8 as a whole becomes one U+FFFD for each byte,
/// so nothing of a run is final before its end.
/// </summary>
internal sealed class ByteFallback : DecoderStage
{
    /// <inheritdoc/>
    public override DecoderRun NewRun(bool fused) => fused ? new WholeText(Alone) : new Run();

    /// <inheritdoc/>
    public override string Middle(string token) => Alone(token);

    /// <inheritdoc/>
    public override byte[]? MiddleBytes(string token) => TryByte(token, out var value) ? [value] : null;

    /// <inheritdoc/>
    public override string? Pass(string token, bool fused) => fused || TryByte(token, out _) ? null : token;

    private static string Alone(string token) =>
        !TryByte(token, out var value) ? token : value < 0x80 ? ((char)value).ToString() : "\uFFFD";

    private static bool TryByte(ReadOnlySpan<char> token, out byte value)
    {
        value = 0;
        return token.Length == 6 && token.StartsWith("<0x", StringComparison.Ordinal) && token[5] == '>'
            && byte.TryParse(token.Slice(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }

    private sealed class Run : DecoderRun
    {
        private byte[] _bytes = new byte[64];
        private char[] _letters = new char[64];
        private int _count;

        public override bool HoldsNothing => _count == 0 && Next!.HoldsNothing;

        public override void Push(ReadOnlySpan<char> token)
        {
            if (TryByte(token, out var value)) Add(value);
            else
            {
                Release();
                Emit(token);
            }
        }

        public override bool Push(DecodedToken token)
        {
            if (token.Byte >= 0)
            {
                Add((byte)token.Byte);
                return false;
            }
            Release();
            Emit(token.Middle);
            return Next!.HoldsNothing;
        }

        public override void End()
        {
            Release();
            base.End();
        }

        private void Add(byte value)
        {
            if (_count == _bytes.Length)
            {
                Array.Resize(ref _bytes, _count * 2);
                _letters = new char[_count * 2];
            }
            _bytes[_count++] = value;
        }

        private void Release()
        {
            if (_count == 0) return;
            var bytes = _bytes.AsSpan(0, _count);
            _count = 0;
            if (Utf8.ToUtf16(bytes, _letters, out _, out var written, replaceInvalidSequences: false) == OperationStatus.Done)
            {
                Emit(_letters.AsSpan(0, written));
                return;
            }
            // Each byte of a broken run is a token of its own.
            foreach (var _ in bytes) Emit("\uFFFD");
        }
    }
}
