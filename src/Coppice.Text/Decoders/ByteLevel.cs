using System.Text;
using System.Text.Unicode;
using Coppice.Text.Unicode;

namespace Coppice.Text.Decoders;

/// <summary>
/// Turns the letters of the byte alphabet back into bytes and these into text. A token with any other character stands for its own UTF-8.
/// Bytes that are not UTF-8 become U+FFFD, one for each maximal part; a character that is not complete yet is held back.
/// </summary>
internal sealed class ByteLevel : DecoderStage
{
    /// <inheritdoc/>
    public override bool Fuses => true;

    /// <inheritdoc/>
    public override DecoderRun NewRun(bool fused) => fused ? new WholeText(text => Encoding.UTF8.GetString(Bytes(text))) : new Run();

    /// <inheritdoc/>
    public override string Middle(string token) => Encoding.UTF8.GetString(Bytes(token));

    /// <inheritdoc/>
    public override byte[] MiddleBytes(string token) => Bytes(token);

    private static byte[] Bytes(string token)
    {
        var bytes = new byte[Encoding.UTF8.GetMaxByteCount(token.Length)];
        return bytes[..Bytes(token, bytes)];
    }

    private static int Bytes(ReadOnlySpan<char> token, Span<byte> bytes)
    {
        for (var i = 0; i < token.Length; i++)
            if (!ByteAlphabet.TryByte(token[i], out bytes[i])) return Encoding.UTF8.GetBytes(token, bytes);
        return token.Length;
    }

    /// <summary>What is not a whole character yet waits at the start of the bytes.</summary>
    private sealed class Run : DecoderRun
    {
        private byte[] _bytes = new byte[64];
        private char[] _letters = new char[64];
        private int _held;

        public override void Push(ReadOnlySpan<char> token)
        {
            var most = _held + Encoding.UTF8.GetMaxByteCount(token.Length);
            if (most > _bytes.Length)
            {
                Array.Resize(ref _bytes, most * 2);
                _letters = new char[most * 2];
            }
            if (_held == 0 && IsAscii(token)) Emit(_letters.AsSpan(0, token.Length));
            else Write(_held + Bytes(token, _bytes.AsSpan(_held)), isLast: false);
        }

        public override void End()
        {
            Write(_held, isLast: true);
            base.End();
        }

        // Most tokens stand for ASCII alone, whose letters need no decoder.
        private bool IsAscii(ReadOnlySpan<char> token)
        {
            for (var i = 0; i < token.Length; i++)
            {
                if (!ByteAlphabet.TryByte(token[i], out var value) || value >= 0x80) return false;
                _letters[i] = (char)value;
            }
            return true;
        }

        // A byte becomes one letter at most.
        private void Write(int count, bool isLast)
        {
            Utf8.ToUtf16(_bytes.AsSpan(0, count), _letters, out var read, out var written, replaceInvalidSequences: true, isLast);
            _held = count - read;
            _bytes.AsSpan(read, _held).CopyTo(_bytes);
            Emit(_letters.AsSpan(0, written));
        }
    }
}
