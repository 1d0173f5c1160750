using System.Buffers.Binary;

namespace Coppice.Fuzz;

/// <summary>Changes inputs at random: bits, bytes, numbers, stretches, words of the format, and halves of two inputs joined.</summary>
internal sealed class Mutator(int seed, Target target)
{
    private const int MostEdits = 6, LongestStretch = 64, Growth = 1 << 16;

    private static readonly long[] Numbers =
        [0, 1, -1, 2, 7, 8, 16, 127, 128, 255, 256, short.MaxValue, ushort.MaxValue, int.MaxValue, int.MinValue,
            uint.MaxValue, long.MaxValue, long.MinValue];

    private static readonly string[] Digits = ["0", "-1", "1e309", "0.5", "2147483648", "9223372036854775808", "-0", "1e-400"];

    private readonly IReadOnlyList<byte[]> _words = target.Words;
    private readonly int _longest = target.Seeds.Max(input => input.Length) + Growth;
    private readonly Random _random = new(seed);
    private readonly List<byte> _bytes = [];

    /// <summary>A changed copy of <paramref name="input"/>, or of a part of it with one of <paramref name="other"/>.</summary>
    public byte[] Change(byte[] input, byte[] other)
    {
        _bytes.Clear();
        _bytes.AddRange(input);
        var edits = _random.Next(1, MostEdits + 1);
        for (var i = 0; i < edits; i++) Edit(other);
        if (_bytes.Count > _longest) _bytes.RemoveRange(_longest, _bytes.Count - _longest);
        return [.. _bytes];
    }

    private void Edit(byte[] other)
    {
        var at = _random.Next(_bytes.Count + 1);
        var left = _bytes.Count - at;
        switch (_random.Next(10))
        {
            case 0 when left > 0:
                _bytes[at] ^= (byte)(1 << _random.Next(8));
                break;
            case 1 when left > 0:
                _bytes[at] = (byte)_random.Next(256);
                break;
            case 2:
                _bytes.Insert(at, (byte)_random.Next(256));
                break;
            case 3:
                _bytes.RemoveRange(at, Math.Min(left, _random.Next(1, LongestStretch)));
                break;
            case 4:
                _bytes.InsertRange(at, _bytes.GetRange(at, Math.Min(left, _random.Next(1, LongestStretch))));
                break;
            case 5 when _words.Count > 0:
                _bytes.InsertRange(at, _words[_random.Next(_words.Count)]);
                break;
            case 6 when _words.Count > 0:
                Overwrite(at, _words[_random.Next(_words.Count)]);
                break;
            case 7:
                OverwriteNumber(at);
                break;
            case 8:
                ReplaceDigits(at);
                break;
            default:
                _bytes.RemoveRange(at, left);
                _bytes.AddRange(other.AsSpan(_random.Next(other.Length + 1)));
                break;
        }
    }

    private void Overwrite(int at, ReadOnlySpan<byte> with)
    {
        for (var i = 0; i < with.Length && at + i < _bytes.Count; i++) _bytes[at + i] = with[i];
    }

    private void OverwriteNumber(int at)
    {
        Span<byte> number = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(number, Numbers[_random.Next(Numbers.Length)]);
        Overwrite(at, number[..(1 << _random.Next(4))]);
    }

    /// <summary>Another number in place of the first one written in digits from <paramref name="at"/> on.</summary>
    private void ReplaceDigits(int at)
    {
        while (at < _bytes.Count && !char.IsAsciiDigit((char)_bytes[at])) at++;
        var end = at;
        while (end < _bytes.Count && char.IsAsciiDigit((char)_bytes[end])) end++;
        if (end == at) return;
        _bytes.RemoveRange(at, end - at);
        _bytes.InsertRange(at, System.Text.Encoding.ASCII.GetBytes(Digits[_random.Next(Digits.Length)]));
    }
}
