using System.Buffers;
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

    /// <inheritdoc/>
    public override string? Pass(string token, bool fused) =>
        !fused && Bytes(token) is var bytes && Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : null;

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

    /// <summary>Collects bytes until there are many, or what is final is asked for.</summary>
    private sealed class Run : DecoderRun
    {
        private const int Many = 512;
        private const int Enough = 448;     // bytes after which a whole character ends the collecting

        private byte[] _bytes = new byte[Many];
        private char[] _letters = new char[Many];
        private int _count;

        public override bool HoldsNothing => _count == 0 && Next!.HoldsNothing;

        public override void Push(ReadOnlySpan<char> token)
        {
            MakeRoom(Encoding.UTF8.GetMaxByteCount(token.Length));
            _count += Bytes(token, _bytes.AsSpan(_count));
        }

        public override bool Push(DecodedToken token)
        {
            if (token.Byte >= 0 && _count < _bytes.Length) _bytes[_count++] = (byte)token.Byte;
            else
            {
                var bytes = token.Bytes!;
                MakeRoom(bytes.Length);
                bytes.CopyTo(_bytes.AsSpan(_count));
                _count += bytes.Length;
            }
            if (!token.Passes || _count < Enough) return false;
            // It ends with a whole character, so nothing stays, and tokens like it can pass.
            Write(isLast: false);
            return HoldsNothing;
        }

        private void MakeRoom(int bytes)
        {
            if (_count + bytes <= _bytes.Length) return;
            Write(isLast: false);
            if (_count + bytes <= _bytes.Length) return;
            Array.Resize(ref _bytes, bytes * 2);
            _letters = new char[bytes * 2];
        }

        public override void Settle()
        {
            if (!TryWriteAscii()) Write(isLast: false);
            base.Settle();
        }

        public override void End()
        {
            Write(isLast: true);
            base.End();
        }

        // Most tokens stand for ASCII alone, whose letters need no decoder.
        private bool TryWriteAscii()
        {
            if (Ascii.ToUtf16(_bytes.AsSpan(0, _count), _letters, out var written) != OperationStatus.Done) return false;
            _count = 0;
            Emit(_letters.AsSpan(0, written));
            return true;
        }

        // A byte becomes one letter at most. What is not a whole character yet stays.
        private void Write(bool isLast)
        {
            Utf8.ToUtf16(_bytes.AsSpan(0, _count), _letters, out var read, out var written, replaceInvalidSequences: true, isLast);
            _count -= read;
            _bytes.AsSpan(read, _count).CopyTo(_bytes);
            Emit(_letters.AsSpan(0, written));
        }
    }
}
