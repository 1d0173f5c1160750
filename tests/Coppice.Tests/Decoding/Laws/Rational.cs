using System.Globalization;
using System.Numerics;

namespace Coppice.Tests.Decoding.Laws;

/// <summary>An exact fraction, for laws that must hold exactly.</summary>
internal readonly struct Rational : IAdditionOperators<Rational, Rational, Rational>, ISubtractionOperators<Rational, Rational, Rational>,
    IMultiplyOperators<Rational, Rational, Rational>, IDivisionOperators<Rational, Rational, Rational>,
        IComparisonOperators<Rational, Rational, bool>,
    IAdditiveIdentity<Rational, Rational>, IEquatable<Rational>
{
    private readonly BigInteger _numerator, _denominatorLessOne;        // so that the default value is 0 / 1

    public Rational(BigInteger numerator, BigInteger denominator)
    {
        if (denominator.IsZero) throw new DivideByZeroException();
        var divisor = BigInteger.GreatestCommonDivisor(numerator, denominator) * denominator.Sign;
        (_numerator, _denominatorLessOne) = (numerator / divisor, denominator / divisor - 1);
    }

    public static Rational AdditiveIdentity => default;
    public static Rational One => new(1, 1);
    private BigInteger Denominator => _denominatorLessOne + 1;

    /// <summary>"3/7", "2" or "0.25".</summary>
    public static Rational Parse(string text)
    {
        if (text.Split('/') is [var over, var under])
            return new(BigInteger.Parse(over, CultureInfo.InvariantCulture), BigInteger.Parse(under, CultureInfo.InvariantCulture));
        var digits = text.Contains('.', StringComparison.Ordinal) ? text.Length - text.IndexOf('.', StringComparison.Ordinal) - 1 : 0;
        return new(BigInteger.Parse(text.Replace(".", "", StringComparison.Ordinal), CultureInfo.InvariantCulture),
            BigInteger.Pow(10, digits));
    }

    public static Rational[] List(string texts) => [.. texts.Split(' ').Select(Parse)];

    public double ToDouble() => Math.Exp(BigInteger.Log(BigInteger.Abs(_numerator)) - BigInteger.Log(Denominator)) * _numerator.Sign;

    public static Rational operator +(Rational a, Rational b) =>
        new(a._numerator * b.Denominator + b._numerator * a.Denominator, a.Denominator * b.Denominator);
    public static Rational operator -(Rational a, Rational b) =>
        new(a._numerator * b.Denominator - b._numerator * a.Denominator, a.Denominator * b.Denominator);
    public static Rational operator *(Rational a, Rational b) => new(a._numerator * b._numerator, a.Denominator * b.Denominator);
    public static Rational operator /(Rational a, Rational b) => new(a._numerator * b.Denominator, a.Denominator * b._numerator);
    public static bool operator ==(Rational a, Rational b) => a.Equals(b);
    public static bool operator !=(Rational a, Rational b) => !a.Equals(b);
    public static bool operator <(Rational a, Rational b) => (a - b)._numerator.Sign < 0;
    public static bool operator >(Rational a, Rational b) => b < a;
    public static bool operator <=(Rational a, Rational b) => !(b < a);
    public static bool operator >=(Rational a, Rational b) => !(a < b);

    public bool Equals(Rational other) => _numerator == other._numerator && _denominatorLessOne == other._denominatorLessOne;
    public override bool Equals(object? obj) => obj is Rational other && Equals(other);
    public override int GetHashCode() => HashCode.Combine(_numerator, _denominatorLessOne);
    public override string ToString() => Denominator.IsOne ? $"{_numerator}" : $"{_numerator}/{Denominator}";
}
