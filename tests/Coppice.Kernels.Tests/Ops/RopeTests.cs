using Coppice.Kernels.Tests.Support;
using Xunit;

namespace Coppice.Kernels.Tests.Ops;

/// <summary>Rotation of heads against the reference, for both pairings.</summary>
public abstract class RopeTests(Device device) : OpSuite(device)
{
    private const int Positions = 50;

    [Fact, Trait(Settings, Every)]
    public void Heads_turn_by_the_angle_of_their_position() => Check(Cases.Rope, (bed, c) =>
    {
        var angles = Noise.Uniform(2, (long)Positions * c.RotaryDim / 2, MathF.PI);
        var x = bed.Place(new Shape(c.Tokens, c.Heads, c.HeadDim), Noise.Uniform(1, c.Cost));
        var positions = bed.Place(new Shape(c.Tokens), Noise.Integers(3, c.Tokens, Positions));
        var cosines = bed.Place(new Shape(Positions, c.RotaryDim / 2), Array.ConvertAll(angles, MathF.Cos));
        var sines = bed.Place(new Shape(Positions, c.RotaryDim / 2), Array.ConvertAll(angles, MathF.Sin));
        bed.Backend.Rope(x, positions, cosines, sines, c.Pairing);
        return bed.Floats(x);
    }, _ => Tolerances.Rope);

    [Fact]
    public void Elements_beyond_the_rotary_dimension_keep_their_bits() => ForEach(Cases.Rope.Where(c => c.RotaryDim < c.HeadDim), c =>
    {
        using var bed = NewBed(Placement.All[2]);
        var values = Noise.Uniform(1, c.Cost);
        var x = bed.Place(new Shape(c.Tokens, c.Heads, c.HeadDim), values);
        var tables = bed.Place(new Shape(1, c.RotaryDim / 2), Noise.Uniform(2, c.RotaryDim / 2));
        bed.Backend.Rope(x, bed.Place(new Shape(c.Tokens), new int[c.Tokens]), tables, tables, c.Pairing);
        var turned = bed.Floats(x);
        for (var head = 0; head < values.Length; head += c.HeadDim)
            Compare.SameBits($"rope {c}", values.AsSpan(head + c.RotaryDim, c.HeadDim - c.RotaryDim),
                turned.AsSpan(head + c.RotaryDim, c.HeadDim - c.RotaryDim));
    });
}

public sealed class RopeOnPortable() : RopeTests(Devices.Portable);
public sealed class RopeOnAvx2() : RopeTests(Devices.Avx2);
public sealed class RopeOnAvx512() : RopeTests(Devices.Avx512);
public sealed class RopeOnCpuAccelerator() : RopeTests(Devices.CpuAccelerator);
public sealed class RopeOnCuda() : RopeTests(Devices.Cuda);
